/** Composition root of detect-changes. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Context } from 'aws-lambda';
import { readEnvironment } from '../../platform/environment.ts';
import { createLog } from '../../platform/log.ts';
import { readBindSecret, readPendingBindSecret } from '../../platform/secret.ts';
import { parseCaptureSettings } from '../capture-settings.ts';
import { DirectoryUnreachableError } from '../directory-source.ts';
import { namingContextOf } from '../distinguished-name.ts';
import { dynamoDbMirror } from '../dynamodb-mirror.ts';
import { connectLdapSource } from '../ldap-source.ts';
import { connectThroughRotation } from '../rotated-bind.ts';
import { dynamoDbActorHints } from '../security-log/dynamodb-actor-hints.ts';
import { detectChanges } from './detect-changes.ts';
import { detectChangesEnvironment } from './environment.ts';
import { extraAttributes } from './starting-point.ts';

const env = readEnvironment(detectChangesEnvironment);
const settings = parseCaptureSettings(env.CAPTURE);
const secrets = new SecretsManagerClient({});
const dynamoDb = new DynamoDBClient({});
const bindSecrets = {
  current: () => readBindSecret(secrets, env.BIND_SECRET_ARN),
  pending: () => readPendingBindSecret(secrets, env.BIND_SECRET_ARN),
};
const dependencies = {
  domain: env.DIRECTORY_DOMAIN,
  settings,
  mirror: dynamoDbMirror(dynamoDb, env.DIRECTORY_TABLE),
  hints: settings.actorsTable === undefined ? undefined : dynamoDbActorHints(dynamoDb, settings.actorsTable),
  // The secret is read for each poll: a rotated password is never missed, and none outlives the connection it opened.
  connect: (except: ReadonlySet<string>) =>
    connectThroughRotation(bindSecrets, (credentials) =>
      connectLdapSource({
        urls: env.LDAPS_URLS.split(',').filter((url) => !except.has(url)),
        ca: env.LDAP_CA,
        namingContext: namingContextOf(env.DIRECTORY_DOMAIN),
        credentials,
        attributes: extraAttributes(settings),
        objectSecurity: settings.mode === 'object-security',
      }),
    ),
  log: createLog('detect-changes'),
  now: () => new Date(),
};

/**
 * @param event from the schedule, from read-security-log, or `{"approve": "<approval>"}` from a person who approves what the guard held back
 * @returns how the poll ended. A directory that cannot be reached is told by its event, metric and alarm: as a failed invocation each poll
 *   of an outage would be a dead letter, which nobody can redrive to any use.
 */
export async function handler(event: { readonly approve?: unknown } | undefined, context: Context) {
  try {
    return await detectChanges(dependencies, {
      requestId: context.awsRequestId,
      remainingMs: () => context.getRemainingTimeInMillis(),
      ...(typeof event?.approve === 'string' ? { approve: event.approve } : {}),
    });
  } catch (error) {
    if (!(error instanceof DirectoryUnreachableError)) throw error;
    return { outcome: 'unreachable', reason: error.message };
  }
}
