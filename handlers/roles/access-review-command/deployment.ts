/** The deployment that the command works on, found by the configuration of its review-access and settle-guard functions. */
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { GetFunctionConfigurationCommand, InvokeCommand, LambdaClient, ResourceNotFoundException } from '@aws-sdk/client-lambda';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { CommandError } from '../../platform/command-errors.ts';
import { readEnvironment } from '../../platform/environment.ts';
import { eventBusPublisher, type Publish } from '../../platform/event-bus.ts';
import { readObject } from '../../platform/s3-object.ts';
import { kmsTextSigner } from '../approval-key.ts';
import type { ReviewOutcome } from '../review-access/review-access.ts';

export interface ReviewDeployment {
  /** `<prefix>-<environment>`. */
  readonly name: string;
  readonly generate: () => Promise<Extract<ReviewOutcome, { state: 'completed' }>>;
  /** Undefined: there is no such object. */
  readonly read: (key: string) => Promise<Buffer | undefined>;
  readonly write: (key: string, text: string) => Promise<void>;
  readonly sign: (text: string) => Promise<Uint8Array>;
  /** DER. */
  readonly publicKey: () => Promise<Uint8Array>;
  readonly publish: Publish;
  /** ARN of who runs the command. */
  readonly caller: () => Promise<string>;
  readonly close: () => void;
}

/** @throws CommandError when there is no such deployment */
export async function findDeployment(prefix: string, environment: string): Promise<ReviewDeployment> {
  const name = `${prefix}-${environment}`;
  // A report of 100,000 grants takes minutes, and an answer that is given up is not asked for twice.
  const lambda = new LambdaClient({ maxAttempts: 1 });
  const s3 = new S3Client({});
  const clients = { bus: new EventBridgeClient({}), kms: new KMSClient({}), sts: new STSClient({}) };
  const close = () => {
    for (const client of [lambda, s3, ...Object.values(clients)]) client.destroy();
  };
  const variables = async <const Names extends readonly string[]>(part: string, names: Names) => {
    const FunctionName = `${name}-${part}`;
    const configuration = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName })).catch((error: unknown) => {
      if (!(error instanceof ResourceNotFoundException)) throw error;
      throw new CommandError(`there is no function ${FunctionName}: give --environment and --prefix of the deployment, and its region`);
    });
    return readEnvironment(names, configuration.Environment?.Variables ?? {});
  };
  try {
    const { REPORT_BUCKET: Bucket, IDENTITY_BUS } = await variables('review-access', ['REPORT_BUCKET', 'IDENTITY_BUS']);
    const approvalKey = async () => (await variables('settle-guard', ['APPROVAL_KEY_ID'])).APPROVAL_KEY_ID;
    return {
      name,
      async generate() {
        const { FunctionError, Payload } = await lambda.send(
          new InvokeCommand({ FunctionName: `${name}-review-access`, Payload: Buffer.from('{"now":true}') }),
        );
        const answer = Buffer.from(Payload ?? []).toString('utf8');
        const said = JSON.parse(answer === '' ? '{}' : answer) as Partial<ReviewOutcome> & { readonly errorMessage?: string };
        if (FunctionError !== undefined || said.state !== 'completed')
          throw new CommandError(`review-access failed (${said.errorMessage ?? FunctionError ?? answer}): look into its log group`);
        return said as Extract<ReviewOutcome, { state: 'completed' }>;
      },
      read: (key) => readObject(s3, Bucket, key),
      async write(Key, Body) {
        await s3.send(new PutObjectCommand({ Bucket, Key, Body, ContentType: 'application/json' }));
      },
      sign: async (text) => await kmsTextSigner(clients.kms, await approvalKey())(text),
      async publicKey() {
        const KeyId = await approvalKey();
        const { PublicKey } = await clients.kms.send(new GetPublicKeyCommand({ KeyId }));
        if (PublicKey === undefined) throw new CommandError(`kms gave no public key of ${KeyId}: try again`);
        return PublicKey;
      },
      publish: eventBusPublisher(clients.bus, IDENTITY_BUS),
      async caller() {
        const { Arn } = await clients.sts.send(new GetCallerIdentityCommand({}));
        if (Arn === undefined) throw new CommandError('sts names no caller: check the credentials');
        return Arn;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
