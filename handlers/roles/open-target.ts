/** A function's target, opened with all it needs on AWS: one place for every function that reaches targets. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { ConfigurationError } from '../platform/errors.ts';
import type { Log } from '../platform/log.ts';
import { dynamoDbBudget } from './dynamodb-budget.ts';
import type { Target } from './target.ts';
import type { TargetSettings } from './target-settings.ts';
import type { TargetOpener } from './targets/identity-center/assume-role.ts';
import { dynamoDbSessionLedger } from './targets/identity-center/dynamodb-session-ledger.ts';
import { targetOf } from './targets/index.ts';

export interface TargetPlaces {
  readonly dynamodb: DynamoDBClient;
  /** The roles table. */
  readonly table: string;
  /** ARN of the secret that the target is opened with, or `none`. */
  readonly secretArn: string;
  /** Told to another account, where the target is in one. */
  readonly opener: TargetOpener;
  readonly log: Log;
  readonly now: () => Date;
}

/** @throws ConfigurationError for settings that are not of the target's kind, and for a secret that is missing */
export async function openTarget(
  settings: TargetSettings,
  { dynamodb, table, secretArn, opener, log, now }: TargetPlaces,
): Promise<Target> {
  const { name } = settings;
  const closed = targetOf(settings);
  if (closed.secret && secretArn === 'none')
    throw new ConfigurationError(`target "${name}" is opened with a secret: set TARGET_SECRET_ARN to its ARN`);
  return await closed.open({
    name,
    budget: dynamoDbBudget(dynamodb, table, name, { callsPerSecond: closed.callsPerSecond }),
    sessionLedger: dynamoDbSessionLedger(dynamodb, table, name),
    secret: secretReader(secretArn),
    opener,
    log,
    now,
  });
}

/** Reads it once, and fresh when asked for `again`. The value stays in memory and in no message. */
function secretReader(secretArn: string): (again?: boolean) => Promise<string> {
  let client: SecretsManagerClient | undefined;
  let read: Promise<string> | undefined;
  const fetchValue = async () => {
    client ??= new SecretsManagerClient({});
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: secretArn }));
    if (!SecretString) throw new ConfigurationError(`secret ${secretArn} has no text: put the target's credential into it`);
    return SecretString;
  };
  return (again = false) => {
    if (read === undefined || again) {
      const next = fetchValue();
      read = next;
      // A failed read is not kept.
      next.catch(() => {
        if (read === next) read = undefined;
      });
    }
    return read;
  };
}
