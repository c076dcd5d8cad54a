/** The stack's credentials: their accounts in the domain, what a team puts into their secrets, and a rotation on demand. */
import type { JsonWebKey } from 'node:crypto';
import { join } from 'node:path';
import type { Client } from 'ldapts';
import { accountsOf, type CredentialSettings, parseCredentialSettings } from '../handlers/credentials/credential-settings.ts';
import { sidText } from '../handlers/platform/object-identity.ts';
import type { AwsEndpoint } from './aws/endpoint.ts';
import type { DomainController } from './domain-controller/index.ts';
import { replaceInDatabase } from './domain-controller/local-database.ts';
import { createConnectorAccount, createUser, newPassword, type Population, unicodePassword } from './domain-controller/population.ts';
import type { AppliedStack } from './terraform/applied-stack.ts';

export interface SandboxCredential {
  readonly settings: CredentialSettings;
  /** ARN of its secret, or its path in the vault. */
  readonly place: string;
  readonly inVault: boolean;
}

/** A vault that the stack's credentials name: it is there before the stack, which has its address. */
export interface SandboxVault {
  /** `127.0.0.1` */
  readonly address: string;
  /** Lets in whoever has a token of that issuer, signed with one of these keys. */
  trust(issuer: string, keys: readonly JsonWebKey[]): void;
  put(path: string, value: { readonly username: string; readonly password: string }): void;
}

/** The credentials of every rotate-credential, as the table has them; those that others are reset by come first. */
export async function credentialsOf({ functions }: AppliedStack, endpoint: AwsEndpoint): Promise<readonly SandboxCredential[]> {
  const tables = new Set([...functions.values()].flatMap(({ environment }) => environment.CREDENTIALS_TABLE ?? []));
  const found: SandboxCredential[] = [];
  for (const TableName of tables) {
    const query = { TableName, KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: { ':pk': { S: 'settings' } } };
    const { Items } = await endpoint.call('operator', 'dynamodb', 'Query', query);
    for (const { settings: item } of Items as readonly { settings: { S: string } }[]) {
      const settings = parseCredentialSettings(item.S);
      const { store } = settings;
      const inVault = 'vault' in store;
      found.push({ settings, place: inVault ? store.vault.path : store.secretsManager.secretArn, inVault });
    }
  }
  const isDelegated = ({ place }: SandboxCredential) => found.some(({ settings }) => resetByOf(settings) === place);
  return [...found.filter(isDelegated), ...found.filter((one) => !isDelegated(one))];
}

const resetByOf = ({ strategy }: CredentialSettings): string | undefined => ('resetBy' in strategy ? strategy.resetBy : undefined);

/** The right to reset the passwords of the users below, as docs/credential-rotation.md grants it; who may read an account is the domain's default. */
export const resetRights = (sid: string): string =>
  `(OA;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;bf967aba-0de6-11d0-a285-00aa003049e2;${sid})`;

/**
 * Creates the accounts, delegates the resets, and gives each secret its first value.
 *
 * @param bindSecretArn the connector's own secret: its accounts are connector's accounts
 * @param put puts a value where the credential is kept
 */
export async function prepareCredentials(
  credentials: readonly SandboxCredential[],
  { controller, population, bindSecretArn }: { controller: DomainController; population: Population; bindSecretArn: string },
  put: (credential: SandboxCredential, value: { readonly username: string; readonly password: string }) => Promise<void>,
): Promise<void> {
  if (credentials.length === 0) return;
  const { admin } = population;
  const unit = `OU=Services,${controller.baseDn}`;
  await admin.add(unit, { objectClass: ['top', 'organizationalUnit'] });
  const aged: string[] = [];
  for (const credential of credentials) {
    const { settings, place } = credential;
    // Of two accounts the first is current, the other one is what the store had before.
    for (const name of [...accountsOf(settings.strategy)].reverse()) {
      const password = newPassword();
      const username = `${name}@${controller.domain}`;
      const container = place === bindSecretArn ? `CN=Users,${controller.baseDn}` : unit;
      if (place === bindSecretArn) await createConnectorAccount(controller, password, ['--name', name]);
      else await createUser(admin, unit, name, { userPrincipalName: username, unicodePwd: unicodePassword(password) as never });
      aged.push(`CN=${name},${container}`);
      await put(credential, { username, password });
    }
    const [account = ''] = accountsOf(settings.strategy);
    if (credentials.some((one) => resetByOf(one.settings) === place))
      await controller.dsacl(unit, resetRights(await sidOf(admin, `CN=${account},${unit}`)));
  }
  await age(controller, aged);
}

/**
 * The accounts have had their passwords for a month: the domain's policy lets nobody change one on its first day. Nothing but the directory
 * itself writes that time, so it goes into the naming context's own file.
 */
async function age({ directory, baseDn }: DomainController, dns: readonly string[]): Promise<void> {
  const database = join(directory, 'private', 'sam.ldb.d', `${baseDn.toUpperCase()}.ldb`);
  const pwdLastSet = String((BigInt(Date.now() - 30 * 86_400_000) + 11_644_473_600_000n) * 10_000n);
  await replaceInDatabase(
    { configFile: join(directory, 'smb.conf'), database },
    dns.map((dn) => ({ dn, values: { pwdLastSet } })),
  );
}

async function sidOf(admin: Client, dn: string): Promise<string> {
  const attributes = ['objectSid'];
  const { searchEntries } = await admin.search(dn, { scope: 'base', attributes, explicitBufferAttributes: attributes });
  return sidText(searchEntries[0]?.objectSid as Buffer);
}

/** Outbound identity federation is on, and the vault knows who signs its tokens. */
export async function introduceTo(vault: SandboxVault, endpoint: AwsEndpoint): Promise<void> {
  const { IssuerIdentifier } = await endpoint.call('operator', 'iam', 'EnableOutboundWebIdentityFederation', {});
  const issuer = String(IssuerIdentifier);
  const { jwks_uri } = (await (await fetch(`${issuer}/.well-known/openid-configuration`)).json()) as { jwks_uri: string };
  const { keys } = (await (await fetch(jwks_uri)).json()) as { keys: JsonWebKey[] };
  vault.trust(issuer, keys);
}
