/** Composition root of rotate-credential, of which every directory with credentials has an instance of its own. */
import { setTimeout as wait } from 'node:timers/promises';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { readEnvironment } from '../../platform/environment.ts';
import { eventBusPublisher } from '../../platform/event-bus.ts';
import { createLog } from '../../platform/log.ts';
import { eachMessage } from '../../platform/queue.ts';
import { webIdentityToken } from '../../platform/web-identity-token.ts';
import { CredentialError } from '../credential-error.ts';
import type { CredentialSettings } from '../credential-settings.ts';
import { type CredentialStore, credentialRemedy, type StoredCredential } from '../credential-store.ts';
import { dynamoDbRotationLedger } from '../dynamodb-rotation-ledger.ts';
import { ldapAccountDirectory } from '../ldap-account-directory.ts';
import { loginsThroughRotation } from '../logins.ts';
import type { RotationDependencies } from '../rotation-dependencies.ts';
import { requestRotation, secretsManagerStore } from '../secrets-manager-store.ts';
import { openVault } from '../vault/open-vault.ts';
import { parseVaultSettings } from '../vault/vault-settings.ts';
import { rotateCredentialEnvironment } from './environment.ts';
import { reactToEvent, rotateCredential } from './rotate-credential.ts';

const env = readEnvironment(rotateCredentialEnvironment);
const secrets = new SecretsManagerClient({});
const log = createLog('rotate-credential');
const now = () => new Date();
const vault = openVault(parseVaultSettings(env.VAULT), {
  webIdentityToken: async (audience) => (await webIdentityToken(audience)).token,
  signer: { credentials: secrets.config.credentials, region: secrets.config.region },
  now,
});
const ledger = dynamoDbRotationLedger(new DynamoDBClient({}), env.CREDENTIALS_TABLE);
const shared = {
  directory: ldapAccountDirectory({ urls: env.LDAPS_URLS.split(','), ca: env.LDAP_CA, domain: env.DIRECTORY_DOMAIN, now }),
  ledger,
  publish: eventBusPublisher(new EventBridgeClient({}), env.IDENTITY_BUS),
  log,
  now,
  wait: (milliseconds: number) => wait(milliseconds),
} as const;

const storeOf = ({ store }: CredentialSettings): CredentialStore =>
  'secretsManager' in store ? secretsManagerStore(secrets, store.secretsManager.secretArn) : vault.store(store.vault.path);

/** The delegated account's secret is read for each rotation: it is rotated itself. */
async function delegated({ strategy, name }: CredentialSettings): Promise<readonly StoredCredential[]> {
  const arn = 'resetBy' in strategy ? strategy.resetBy : undefined;
  const logins = arn === undefined ? [] : await loginsThroughRotation(secretsManagerStore(secrets, arn));
  if (logins.length > 0) return logins;
  throw new CredentialError(`the delegated account of "${name}" has no password in ${arn ?? 'any secret'}`, credentialRemedy);
}

const rotation = (settings: CredentialSettings): RotationDependencies => ({
  ...shared,
  settings,
  store: storeOf(settings),
  resetBy: () => delegated(settings),
});

/** @param event a step of Secrets Manager, `{"check": true}` of the schedule, or a batch of the queue */
export async function handler(event: unknown, context: Context): Promise<SQSBatchResponse | { readonly checked?: number }> {
  const deps = {
    ledger,
    rotation,
    requestRotation: (arn: string, version: string) => requestRotation(secrets, arn, version),
    log,
    millisecondsLeft: () => context.getRemainingTimeInMillis(),
  };
  try {
    if (!isBatch(event)) return await rotateCredential(deps, event);
    // Nothing leads from its network to SQS: a message that failed comes again when its visibility timeout is over.
    return await eachMessage(event, context, { log, postpone: async () => {} }, (record) => reactToEvent(deps, record.body));
  } finally {
    await vault.signOut();
  }
}

const isBatch = (event: unknown): event is SQSEvent => typeof event === 'object' && event !== null && 'Records' in event;
