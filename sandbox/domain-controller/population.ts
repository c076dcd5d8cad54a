/** What the sandbox puts into its domain: the account of the connector, an organizational unit for people, groups. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Attribute, Change, Client } from 'ldapts';
import { runCommand } from './command.ts';
import type { DomainController } from './index.ts';

export interface Population {
  readonly admin: Client;
  /** The account that detect-changes binds with, made by the set-up that ships (docs/connector-account.md). */
  readonly bindDn: string;
  readonly bindPassword: string;
  readonly usersDn: string;
  readonly groupsDn: string;
}

/** A password that meets AD's complexity rule and needs no escaping anywhere. */
export const newPassword = (): string => `${randomBytes(18).toString('base64url')}aA1!`;

/** unicodePwd's form: the password in double quotes, UTF-16LE (MS-ADTS section 3.1.1.3.1.5.1). */
export const unicodePassword = (password: string): Buffer => Buffer.from(`"${password}"`, 'utf16le');

/** A client bound as the domain's administrator. The caller unbinds it. */
export async function administratorClient(controller: DomainController): Promise<Client> {
  const client = new Client({ url: controller.ldapsUrl, tlsOptions: { ca: [controller.ca] } });
  await client.bind(controller.administratorDn, controller.administratorPassword);
  return client;
}

/** Creates a user, enabled unless said otherwise. @returns its distinguished name */
export async function createUser(
  admin: Client,
  parentDn: string,
  name: string,
  attributes: Readonly<Record<string, string>> = {},
  enabled = true,
): Promise<string> {
  const dn = `CN=${name},${parentDn}`;
  await admin.add(dn, {
    objectClass: ['top', 'person', 'organizationalPerson', 'user'],
    sAMAccountName: attributes.sAMAccountName ?? name,
    unicodePwd: unicodePassword(newPassword()) as never,
    userAccountControl: enabled ? '512' : '514',
    ...attributes,
  });
  return dn;
}

/** Creates a global security group. @returns its distinguished name */
export async function createGroup(admin: Client, parentDn: string, name: string): Promise<string> {
  const dn = `CN=${name},${parentDn}`;
  await admin.add(dn, { objectClass: ['top', 'group'], sAMAccountName: name });
  return dn;
}

export async function changeAttribute(
  admin: Client,
  dn: string,
  operation: 'add' | 'delete' | 'replace',
  type: string,
  values: readonly string[],
): Promise<void> {
  await admin.modify(dn, new Change({ operation, modification: new Attribute({ type, values: [...values] }) }));
}

const connectorName = 'svc-directory-watch';
const connectorSetup = fileURLToPath(new URL('../../modules/directory/setup/create-connector-account.sh', import.meta.url));

/**
 * Runs the set-up that ships for the connector's account, on this domain controller's own files.
 *
 * @param options further options of create-connector-account.sh
 * @returns what it printed: a line for each change
 * @throws CommandFailedError when it fails; its output says why
 */
export function createConnectorAccount(
  controller: Pick<DomainController, 'directory'>,
  password: string,
  options: readonly string[] = [],
): Promise<string> {
  const { directory } = controller;
  // Nothing serves SYSVOL in the sandbox, so its smb.conf has no such share.
  const place = ['--configfile', join(directory, 'smb.conf'), '--sysvol', join(directory, 'state', 'sysvol')];
  return runCommand('sh', [connectorSetup, '--password-stdin', ...place, ...options], { input: `${password}\n` });
}

/** Fills a fresh domain with what the sandbox needs. @param groups names of groups to make */
export async function populate(controller: DomainController, groups: readonly string[]): Promise<Population> {
  const admin = await administratorClient(controller);
  const usersDn = `OU=People,${controller.baseDn}`;
  const groupsDn = `OU=Groups,${controller.baseDn}`;
  for (const dn of [usersDn, groupsDn]) await admin.add(dn, { objectClass: ['top', 'organizationalUnit'] });
  for (const group of groups) await createGroup(admin, groupsDn, group);

  const bindPassword = newPassword();
  await createConnectorAccount(controller, bindPassword);
  return { admin, bindDn: `CN=${connectorName},CN=Users,${controller.baseDn}`, bindPassword, usersDn, groupsDn };
}
