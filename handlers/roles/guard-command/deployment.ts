/** The deployment that the command works on, found by the configuration of its settle-guard function. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { KMSClient } from '@aws-sdk/client-kms';
import { GetFunctionConfigurationCommand, LambdaClient, ResourceNotFoundException } from '@aws-sdk/client-lambda';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { parseRoleQueues } from '../../access/role-queues.ts';
import { CommandError } from '../../platform/command-errors.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { eventBusPublisher, type Publish } from '../../platform/event-bus.ts';
import { kmsSigner } from '../approval-key.ts';
import { dynamoDbGuardStore } from '../dynamodb-guard.ts';
import type { GuardDecision } from '../guard-decision.ts';
import type { GuardStore } from '../guard-store.ts';

export interface Deployment {
  /** By the target's name. */
  readonly stores: ReadonlyMap<string, GuardStore>;
  readonly publish: Publish;
  readonly sign: (decision: GuardDecision) => Promise<Uint8Array>;
  /** ARN of who runs the command. */
  readonly caller: () => Promise<string>;
  readonly close: () => void;
}

/** @throws CommandError when there is no such deployment */
export async function findDeployment(prefix: string, environment: string): Promise<Deployment> {
  const FunctionName = `${prefix}-${environment}-settle-guard`;
  const lambda = new LambdaClient({});
  const configuration = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName })).catch((error: unknown) => {
    if (!(error instanceof ResourceNotFoundException)) throw error;
    throw new CommandError(`there is no function ${FunctionName}: give --environment and --prefix of the deployment, and its region`);
  });
  const names = ['GRANTS_TABLE', 'ROLE_QUEUES', 'IDENTITY_BUS', 'APPROVAL_KEY_ID'] as const;
  const env = readEnvironment(names, configuration.Environment?.Variables ?? {});
  const clients = { dynamodb: new DynamoDBClient({}), bus: new EventBridgeClient({}), kms: new KMSClient({}), sts: new STSClient({}) };
  return {
    stores: new Map(
      [...parseRoleQueues(env.ROLE_QUEUES).keys()].map((target) => [
        target,
        dynamoDbGuardStore(clients.dynamodb, env.GRANTS_TABLE, target),
      ]),
    ),
    publish: eventBusPublisher(clients.bus, env.IDENTITY_BUS),
    sign: kmsSigner(clients.kms, env.APPROVAL_KEY_ID),
    async caller() {
      const { Arn } = await clients.sts.send(new GetCallerIdentityCommand({}));
      if (Arn === undefined) throw new CommandError('sts names no caller: check the credentials');
      return Arn;
    },
    close() {
      for (const client of [lambda, ...Object.values(clients)]) client.destroy();
    },
  };
}
