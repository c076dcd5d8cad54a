/** Composition root of detect-changes. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Context } from 'aws-lambda';
import { readEnvironment } from '../../platform/environment.ts';
import { createLog } from '../../platform/log.ts';
import { readBindSecret } from '../../platform/secret.ts';
import { namingContextOf } from '../distinguished-name.ts';
import { dynamoDbMirror } from '../dynamodb-mirror.ts';
import { connectLdapSource } from '../ldap-source.ts';
import { detectChanges } from './detect-changes.ts';
import { detectChangesEnvironment } from './environment.ts';

const env = readEnvironment(detectChangesEnvironment);
const secrets = new SecretsManagerClient({});
const dependencies = {
  domain: env.DIRECTORY_DOMAIN,
  mirror: dynamoDbMirror(new DynamoDBClient({}), env.DIRECTORY_TABLE),
  // The secret is read for each poll: a rotated password is never missed, and none outlives the connection it opened.
  connect: async () =>
    connectLdapSource({
      urls: env.LDAPS_URLS.split(','),
      ca: env.LDAP_CA,
      namingContext: namingContextOf(env.DIRECTORY_DOMAIN),
      credentials: await readBindSecret(secrets, env.BIND_SECRET_ARN),
    }),
  log: createLog('detect-changes'),
  now: () => new Date(),
};

export const handler = (_event: unknown, context: Context) =>
  detectChanges(dependencies, { requestId: context.awsRequestId, remainingMs: () => context.getRemainingTimeInMillis() });
