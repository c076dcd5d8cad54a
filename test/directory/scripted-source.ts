/** The connector's source on scripted domain controllers. */
import { afterEach, expect } from 'vitest';
import type { DirectorySource } from '../../handlers/directory/directory-source.ts';
import { connectLdapSource, type LdapSourceOptions } from '../../handlers/directory/ldap-source.ts';
import { type LdapScript, type ScriptedLdapServer, startScriptedLdapServer } from '../ldap/scripted-server.ts';
import { base } from './rows.ts';

export const credentials = { username: 'CN=svc,DC=example,DC=com', password: 'Hunter2-Hunter2' };

const cleanup: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of cleanup.splice(0).reverse()) await close();
});

export async function serve(script: LdapScript): Promise<ScriptedLdapServer> {
  const server = await startScriptedLdapServer(script);
  cleanup.push(() => server.close());
  return server;
}

export async function connectTo(
  servers: readonly ScriptedLdapServer[],
  options: Partial<LdapSourceOptions> = {},
): Promise<DirectorySource> {
  const source = await connectLdapSource({
    urls: servers.map(({ url }) => url),
    ca: servers.map(({ ca }) => ca).join('\n'),
    namingContext: base,
    credentials,
    connectTimeoutMs: 1_000,
    timeoutMs: 500,
    ...options,
  });
  cleanup.push(() => source.close());
  return source;
}

/** A source on one domain controller with this script. */
export const sourceOf = async (script: LdapScript, options: Partial<LdapSourceOptions> = {}): Promise<DirectorySource> =>
  connectTo([await serve(script)], options);

/** invariant 10: secrets appear in no error */
export async function failure(work: Promise<unknown>): Promise<Error> {
  const error = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason as Error,
  );
  expect(JSON.stringify([error.message, error.stack, String(error.cause), error])).not.toContain('Hunter2');
  return error;
}
