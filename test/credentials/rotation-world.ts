/** A real domain with a strict password policy, service accounts, and a delegated account that may reset some of them. */
import { join } from 'node:path';
import { Attribute, Change, type Client } from 'ldapts';
import { afterAll, beforeAll } from 'vitest';
import type { Login } from '../../handlers/credentials/account-directory.ts';
import type { CredentialSettings, StrategySettings } from '../../handlers/credentials/credential-settings.ts';
import type { Credential } from '../../handlers/credentials/credential-store.ts';
import { ldapAccountDirectory } from '../../handlers/credentials/ldap-account-directory.ts';
import type { RotationDependencies } from '../../handlers/credentials/rotation-dependencies.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { sidText } from '../../handlers/platform/object-identity.ts';
import { resetRights } from '../../sandbox/credentials.ts';
import { type DomainController, joinDomainController, startDomainController } from '../../sandbox/domain-controller/index.ts';
import { replaceInDatabase } from '../../sandbox/domain-controller/local-database.ts';
import { administratorClient, changeAttribute, newPassword, unicodePassword } from '../../sandbox/domain-controller/population.ts';
import { type CallWatch, watching } from '../platform/watched-calls.ts';
import { type MemoryRotationLedger, memoryRotationLedger } from './memory-rotation-ledger.ts';
import { type MemoryStore, memoryStore } from './memory-store.ts';

/** sAMAccountName of a credential of this world. */
export const nameOf = ({ username }: Credential): string => username.slice(0, username.indexOf('@'));

export class RotationWorld {
  #controllers: DomainController[] = [];
  #admin: Client | undefined;
  #count = 0;
  #delegated: Credential | undefined;

  /** Call it where a test file declares its tests. @param size how many domain controllers that replicate */
  constructor(size = 1) {
    beforeAll(async () => {
      const first = await startDomainController({ replication: size > 1 });
      this.#controllers.push(first);
      this.#admin = await administratorClient(first);
      await this.policy({ minPwdLength: '14', pwdHistoryLength: '24', pwdProperties: '1', minPwdAge: '0', lockoutThreshold: '6' });
      await this.admin.add(this.unitDn, { objectClass: ['top', 'organizationalUnit'] });
      this.#delegated = await this.account('svc-reset');
      await first.dsacl(this.unitDn, resetRights(await this.sidOf('svc-reset')));
      for (let number = 2; number <= size; number += 1)
        this.#controllers.push(await joinDomainController(first, { hostName: `dc${number}` }));
    }, 120_000);
    afterAll(async () => {
      await this.#admin?.unbind();
      for (const controller of this.#controllers) await controller.stop();
    });
  }

  get controllers(): readonly DomainController[] {
    return this.#controllers;
  }

  get controller(): DomainController {
    const [first] = this.#controllers;
    if (first === undefined) throw new Error('the domain controller runs only while tests do');
    return first;
  }

  get admin(): Client {
    if (this.#admin === undefined) throw new Error('the domain controller runs only while tests do');
    return this.#admin;
  }

  get delegated(): Credential {
    if (this.#delegated === undefined) throw new Error('the domain is filled only while tests run');
    return this.#delegated;
  }

  /** Ends all outages. The administrator's connection was cut by one. */
  async resume(): Promise<void> {
    for (const controller of this.#controllers) await controller.resume();
    await this.#admin?.unbind();
    this.#admin = await administratorClient(this.controller);
  }

  get unitDn(): string {
    return `OU=Services,${this.controller.baseDn}`;
  }

  dnOf = (name: string): string => `CN=${name},${this.unitDn}`;

  async policy(attributes: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, value] of Object.entries(attributes))
      await changeAttribute(this.admin, this.controller.baseDn, 'replace', name, [value]);
  }

  /** A fresh account that the delegated one may reset. @returns how it logs on */
  async account(name?: string, attributes: Readonly<Record<string, string>> = {}): Promise<Credential> {
    this.#count += 1;
    const sam = name ?? `svc-${this.#count}`;
    const password = newPassword();
    const username = `${sam}@${this.controller.domain}`;
    await this.admin.add(this.dnOf(sam), {
      objectClass: ['top', 'person', 'organizationalPerson', 'user'],
      sAMAccountName: sam,
      userPrincipalName: username,
      unicodePwd: unicodePassword(password) as never,
      userAccountControl: '512',
      ...attributes,
    });
    return { username, password };
  }

  async sidOf(name: string): Promise<string> {
    const { searchEntries } = await this.admin.search(this.dnOf(name), {
      scope: 'base',
      attributes: ['objectSid'],
      explicitBufferAttributes: ['objectSid'],
    });
    return sidText(searchEntries[0]?.objectSid as Buffer);
  }

  /** What somebody else does to the password. */
  async changeOutside(name: string, password: string): Promise<void> {
    await this.admin.modify(
      this.dnOf(name),
      new Change({ operation: 'replace', modification: new Attribute({ type: 'unicodePwd', values: [unicodePassword(password)] }) }),
    );
  }

  change = (name: string, attribute: string, values: readonly string[]): Promise<void> =>
    changeAttribute(this.admin, this.dnOf(name), 'replace', attribute, values);

  /** Past all checks, as replication from another domain controller does: straight into the naming context's own file. */
  async writeLocally(name: string, values: Readonly<Record<string, string>>): Promise<void> {
    const { directory } = this.controller;
    const place = {
      configFile: join(directory, 'smb.conf'),
      database: join(directory, 'private', 'sam.ldb.d', `${this.controller.baseDn.toUpperCase()}.ldb`),
    };
    const bytes = Object.fromEntries(Object.entries(values).map(([attribute, value]) => [attribute, Buffer.from(value)]));
    await replaceInDatabase(place, [{ dn: this.dnOf(name), values: bytes }]);
  }

  directory(controllers: readonly DomainController[] = this.#controllers) {
    return ldapAccountDirectory({
      urls: controllers.map(({ ldapsUrl }) => ldapsUrl),
      ca: controllers.map(({ ca }) => ca).join('\n'),
      domain: this.controller.domain,
      now: () => new Date(),
    });
  }

  /** Whether the password is the account's: Samba takes the one before for a while, a change of the password does not. */
  async binds(login: Login, controller = this.controller): Promise<boolean> {
    const { session } = await this.directory([controller]).open(login);
    await session?.close();
    return session !== undefined;
  }

  /** One credential with its store and ledger. */
  rotating(strategy: StrategySettings, initial: Credential | undefined, more: Partial<CredentialSettings> = {}): Rotating {
    const settings: CredentialSettings = {
      name: 'billing',
      store: { secretsManager: { secretArn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:billing-a1B2c3' } },
      strategy,
      everyDays: 30,
      password: { length: 32, alphabet: 'printable' },
      test: { reads: [], replicates: false },
      replicationSeconds: 2,
      ...more,
    };
    const [store, ledger] = [memoryStore(initial), memoryRotationLedger([settings])];
    const published: AnyIdentityEvent[] = [];
    const logged: unknown[] = [];
    const waits: number[] = [];
    const clock = { aheadMs: 0 };
    const log = (code: string, fields?: object) => void logged.push({ code, ...fields });
    const deps = (watch: CallWatch = {}, directory = this.directory()): RotationDependencies => {
      const { wrap } = watching(watch);
      const publish = async (events: readonly AnyIdentityEvent[]) => {
        for (const event of events) {
          const { Source, DetailType, Detail } = toEntry(event);
          published.push(parseEvent({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) }));
        }
      };
      const open = async (login: Login, controller?: string) => {
        const opened = await directory.open(login, controller);
        if (opened.session === undefined) return opened;
        const { session } = opened;
        const names = ['now', 'account', 'namesakes', 'policyOf', 'changePassword', 'resetPassword', 'reads', 'replicates'] as const;
        const calls = Object.fromEntries(names.map((name) => [name, (session[name] as (...a: never[]) => unknown).bind(session)]));
        return { session: { ...wrap(calls), controller: session.controller, close: () => session.close() } as unknown as typeof session };
      };
      return {
        settings,
        store: {
          place: store.place,
          ...wrap({
            current: store.current,
            previous: store.previous,
            read: store.read,
            pending: store.pending,
            putPending: store.putPending,
            promote: store.promote,
          }),
        },
        resetBy: async () => [{ version: 'delegated', credential: this.delegated }],
        directory: { controllers: directory.controllers, domain: directory.domain, ...wrap({ open }) },
        ledger: wrap({ read: ledger.read, write: ledger.write }),
        ...wrap({ publish }),
        log: { info: log, warn: log, error: log },
        now: () => new Date(Date.now() + clock.aheadMs),
        wait: async (milliseconds) => {
          waits.push(milliseconds);
          await new Promise((resolve) => setTimeout(resolve, milliseconds));
        },
      };
    };
    return { settings, store, ledger, published, logged, waits, clock, deps };
  }
}

export interface Rotating {
  readonly settings: CredentialSettings;
  readonly store: MemoryStore;
  readonly ledger: MemoryRotationLedger;
  readonly published: readonly AnyIdentityEvent[];
  readonly logged: readonly unknown[];
  readonly waits: readonly number[];
  readonly clock: { aheadMs: number };
  deps(watch?: CallWatch, directory?: RotationDependencies['directory']): RotationDependencies;
}
