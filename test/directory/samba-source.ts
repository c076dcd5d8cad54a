/** The connector's source on a real domain controller (Samba) of the test file's own, bound as the connector's account. */
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { ChangedObject, ChangePage, DirectorySource } from '../../handlers/directory/directory-source.ts';
import { connectLdapSource, type LdapSourceOptions } from '../../handlers/directory/ldap-source.ts';
import { runCommand } from '../../sandbox/domain-controller/command.ts';
import { type DomainController, startDomainController } from '../../sandbox/domain-controller/index.ts';
import { type Population, populate } from '../../sandbox/domain-controller/population.ts';

export const everything: Buffer = Buffer.alloc(0);

/** The objects of a page whose common name this is. */
export const named = ({ objects }: ChangePage, name: string): readonly ChangedObject[] =>
  objects.filter(({ dn }) => dn.startsWith(`CN=${name},`));

export class SambaSource {
  #controller: DomainController | undefined;
  #population: Population | undefined;
  readonly #open: DirectorySource[] = [];

  /** Call it where a test file declares its tests: the domain controller runs for all of them, with a group `Staff`. */
  constructor() {
    beforeAll(async () => {
      this.#controller = await startDomainController();
      this.#population = await populate(this.#controller, ['Staff']);
    });
    afterEach(async () => {
      for (const source of this.#open.splice(0)) await source.close();
    });
    afterAll(async () => {
      await this.#population?.admin.unbind();
      await this.#controller?.stop();
    });
  }

  get controller(): DomainController {
    if (this.#controller === undefined) throw new Error('the domain controller runs only while tests do');
    return this.#controller;
  }

  get population(): Population {
    if (this.#population === undefined) throw new Error('the domain is filled only while tests run');
    return this.#population;
  }

  options(): LdapSourceOptions {
    const { controller, population } = this;
    return {
      urls: [controller.ldapsUrl],
      ca: controller.ca,
      namingContext: controller.baseDn,
      credentials: { username: population.bindDn, password: population.bindPassword },
      timeoutMs: 10_000,
    };
  }

  async connect(change: Partial<LdapSourceOptions> = {}): Promise<DirectorySource> {
    const source = await connectLdapSource({ ...this.options(), ...change });
    this.#open.push(source);
    return source;
  }

  /** What changes between two polls. */
  async changesOf(work: () => Promise<unknown>, change: Partial<LdapSourceOptions> = {}): Promise<ChangePage> {
    const source = await this.connect(change);
    const { cookie } = await source.changesSince(everything);
    await work();
    return await source.changesSince(cookie);
  }

  /** objectGUID of an object. */
  async guidOf(dn: string): Promise<string> {
    const found = await (await this.connect()).find(dn);
    if (found === undefined) throw new Error(`there is no ${dn}`);
    return found.guid;
  }

  /** Adds many objects at once, straight to the database: over LDAP it would take several times as long. */
  async add(entries: readonly { readonly dn: string; readonly objectClass: string }[]): Promise<void> {
    const { directory } = this.controller;
    const ldif = entries.map(({ dn, objectClass }) => `dn: ${dn}\nobjectClass: ${objectClass}\n`).join('\n');
    const place = [`--configfile=${join(directory, 'smb.conf')}`, '-H', join(directory, 'private', 'sam.ldb')];
    await runCommand('ldbadd', place, { input: ldif });
  }

  /** invariant 10: secrets appear in no error */
  async failure(work: Promise<unknown>): Promise<Error> {
    const error = await work.then(
      () => new Error('it did not fail'),
      (reason: unknown) => reason as Error,
    );
    expect(JSON.stringify([error.message, error.stack, String(error.cause), error])).not.toContain(this.population.bindPassword);
    return error;
  }
}
