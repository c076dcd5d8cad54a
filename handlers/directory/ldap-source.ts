/** Reads a directory from a domain controller over LDAPS: changes by DirSync with extended names and incremental values, and look-ups. */
import {
  AndFilter,
  Client,
  type Control,
  type Entry,
  EqualityFilter,
  type Filter,
  InvalidCredentialsError,
  NoSuchObjectError,
  NotFilter,
  OrFilter,
  PresenceFilter,
  ProtocolError,
  type SearchOptions,
  UnavailableCriticalExtensionError,
} from 'ldapts';
import type { Subject } from '../events/catalogue.ts';
import { ConfigurationError } from '../platform/errors.ts';
import { fileTime, interval, isoText } from '../platform/file-time.ts';
import {
  DirSyncControl,
  dirSyncFlags,
  ExtendedNameControl,
  SecurityDescriptorFlagsControl,
  ShowRecycledControl,
} from '../platform/ldap-controls.ts';
import { bindRefused, reasonOf } from '../platform/ldap-failure.ts';
import { textOf, textsOf } from '../platform/ldap-values.ts';
import { guidBytes, guidText, type ObjectReference, parseExtendedName } from '../platform/object-identity.ts';
import {
  BindRefusedError,
  type ChangedObject,
  type ChangePage,
  type ControllerState,
  CookieRefusedError,
  capturedAttributes,
  capturedFilter,
  type DirectorySource,
  DirectoryUnreachableError,
  type Existence,
  type FoundObject,
  type LockoutEnd,
  type MemberState,
  securityDescriptorText,
} from './directory-source.ts';
import { canonicalNames, reference, toChangedObject } from './ldap-entry.ts';
import { boundedSddl, sddlText } from './security-descriptor.ts';

export interface BindCredentials {
  /** A distinguished name, a user principal name or DOMAIN\user. */
  readonly username: string;
  readonly password: string;
}

export interface LdapSourceOptions {
  /** `ldaps://` URLs of domain controllers of one domain, tried in order. */
  readonly urls: readonly string[];
  /** PEM of the CA that signed their certificates. */
  readonly ca: string;
  readonly namingContext: string;
  readonly credentials: BindCredentials;
  /** Attributes to capture besides the standard ones. @default none */
  readonly attributes?: readonly string[];
  /** Ask for what this account may read (LDAP_DIRSYNC_OBJECT_SECURITY), which needs no replication right. @default false */
  readonly objectSecurity?: boolean;
  readonly connectTimeoutMs?: number;
  readonly timeoutMs?: number;
}

/** Bytes of a page that we ask AD for. AD caps a page at its own limit too; Samba ignores it. */
const pageBytes = 1024 * 1024;

/** Entries of one page of a subtree search: AD's own limit, MaxPageSize (MS-ADTS section 3.1.1.3.4.6). */
const pageSize = 1000;

/** GUIDs in the filter of one look-up. */
const lookUpWidth = 100;

/** Where the forest keeps its tombstone lifetime, and the default of AD, in days (MS-ADTS section 6.1.1.2.4.1.1). */
const directoryService = 'CN=Directory Service,CN=Windows NT,CN=Services';
const defaultTombstoneDays = 60;

/** UF_LOCKOUT in msDS-User-Account-Control-Computed (MS-ADTS section 3.1.1.4.5.17). */
const lockedOutFlag = 0x10;

const binaryAttributes = ['objectGUID', 'nTSecurityDescriptor', 'invocationId'];

/**
 * Connects to the first domain controller that answers, and binds.
 *
 * @throws ConfigurationError for a URL that is not ldaps://
 * @throws DirectoryUnreachableError naming each URL and why; a refused bind ends the round at once, because asking every controller
 *   with the same wrong password would lock the account
 */
export async function connectLdapSource(options: LdapSourceOptions): Promise<DirectorySource> {
  const failures: string[] = [];
  options.urls.forEach(assertLdaps);
  for (const url of options.urls) {
    const client = new Client({
      url,
      timeout: options.timeoutMs ?? 60_000,
      connectTimeout: options.connectTimeoutMs ?? 5_000,
      tlsOptions: { ca: [options.ca], minVersion: 'TLSv1.2' },
    });
    try {
      await client.bind(options.credentials.username, options.credentials.password);
      return new LdapSource(client, url, options);
    } catch (error) {
      await client.unbind().catch(() => {});
      if (error instanceof InvalidCredentialsError) throw new BindRefusedError(bindRefused(url, options.credentials.username, error));
      failures.push(`${url}: ${reasonOf(error)}`);
    }
  }
  throw new DirectoryUnreachableError(`no domain controller answers: ${failures.join('; ')}`);
}

class LdapSource implements DirectorySource {
  readonly url: string;
  readonly #client: Client;
  readonly #namingContext: string;
  readonly #attributes: readonly string[];
  readonly #flags: number;
  #rootDse: Entry | undefined;

  constructor(client: Client, url: string, { namingContext, attributes = [], objectSecurity = false }: LdapSourceOptions) {
    this.#client = client;
    this.url = url;
    this.#namingContext = namingContext;
    this.#attributes = capturedAttributes(attributes);
    this.#flags = dirSyncFlags.incrementalValues | (objectSecurity ? dirSyncFlags.objectSecurity : 0);
  }

  async controller(): Promise<ControllerState> {
    const attributes = ['dnsHostName', 'highestCommittedUSN', 'dsServiceName', 'configurationNamingContext'];
    const entry = await this.#entry('', { attributes });
    const [host, usn] = [textOf(entry, 'dnsHostName'), textOf(entry, 'highestCommittedUSN')];
    if (entry === undefined || host === undefined || usn === undefined || !/^\d+$/.test(usn)) {
      throw new DirectoryUnreachableError(
        `${this.url} tells no dnsHostName and highestCommittedUSN: point LDAPS_URLS at domain controllers`,
      );
    }
    this.#rootDse = entry;
    return { host: host.toLowerCase(), usn: BigInt(usn) };
  }

  async invocationId(): Promise<string> {
    const settings = await this.#entry(await this.#rootDseText('dsServiceName'), { attributes: ['invocationId'] });
    const bytes = settings?.invocationId;
    if (!Buffer.isBuffer(bytes)) {
      throw new DirectoryUnreachableError(
        `${this.url} shows no invocationId of its NTDS settings: let the account read CN=Sites in the configuration, as authenticated users do by default`,
      );
    }
    return guidText(bytes);
  }

  async tombstoneLifetimeDays(): Promise<number> {
    const base = `${directoryService},${await this.#rootDseText('configurationNamingContext')}`;
    const days = Number(textOf(await this.#entry(base, { attributes: ['tombstoneLifetime'] }), 'tombstoneLifetime'));
    return Number.isInteger(days) && days > 1 ? days : defaultTombstoneDays;
  }

  async changesSince(cookie: Buffer): Promise<ChangePage> {
    const requested: string[] = [...this.#attributes];
    const control = new DirSyncControl({ flags: this.#flags, maxBytes: pageBytes, cookie }, () => {
      // ldapts fills every requested attribute that did not come with []: "unchanged" would read as "cleared". It takes the list from
      // this array after the response, so we empty it then.
      requested.length = 0;
    });
    const entries = await this.#search(this.#namingContext, { scope: 'sub', filter: capturedFilter, attributes: requested }, [
      control,
      new ExtendedNameControl(),
    ]);
    if (control.nextCookie === undefined) {
      throw new DirectoryUnreachableError(
        `${this.url} answered a DirSync search without the DirSync control: point LDAPS_URLS at domain controllers`,
      );
    }
    const named = canonicalNames(this.#attributes);
    return { objects: entries.map((entry) => toChangedObject(entry, named)), cookie: control.nextCookie, moreResults: control.moreResults };
  }

  async adminSdHolder(): Promise<ChangedObject | undefined> {
    const attributes = ['objectGUID', 'objectClass', 'name', 'nTSecurityDescriptor'];
    const entry = await this.#entry(`CN=AdminSDHolder,CN=System,${this.#namingContext}`, { attributes }, [
      new ExtendedNameControl(),
      // Owner, group and DACL: the SACL needs a right of its own.
      new SecurityDescriptorFlagsControl(7),
    ]);
    const descriptor = entry?.nTSecurityDescriptor;
    if (entry === undefined || !Buffer.isBuffer(descriptor)) return undefined;
    const { attributes: read, ...object } = toChangedObject(entry, canonicalNames(attributes));
    return {
      ...object,
      attributes: { name: read.name ?? [], objectClass: ['adminSDHolder'], [securityDescriptorText]: [boundedSddl(sddlText(descriptor))] },
    };
  }

  async find(base: string): Promise<Subject | undefined> {
    const attributes = ['objectGUID', 'objectClass', 'name', 'sAMAccountName'];
    const entry = await this.#entry(base, { attributes }, [new ExtendedNameControl()]);
    if (entry === undefined || !Buffer.isBuffer(entry.objectGUID)) return undefined;
    const { guid, sid, dn } = reference(entry);
    const samAccountName = textOf(entry, 'sAMAccountName');
    const type = textsOf(entry, 'objectClass').includes('group') ? 'group' : 'user';
    return {
      guid,
      ...(sid === undefined ? {} : { sid }),
      type,
      name: textOf(entry, 'name') ?? guid,
      dn,
      ...(samAccountName === undefined ? {} : { samAccountName }),
    };
  }

  async *below(containerGuid: string): AsyncGenerator<readonly ObjectReference[]> {
    const options: SearchOptions = {
      scope: 'sub',
      filter: capturedFilter,
      attributes: ['objectGUID'],
      explicitBufferAttributes: ['objectGUID'],
    };
    this.#assertConnected();
    try {
      const pages = this.#client.searchPaginated(`<GUID=${containerGuid}>`, { ...options, paged: { pageSize } }, [
        new ExtendedNameControl(),
      ]);
      for await (const { searchEntries } of pages) yield searchEntries.map(reference).filter(({ guid }) => guid !== containerGuid);
    } catch (error) {
      // Deleted since: its own tombstone and those of what was in it are on their way.
      if (!(error instanceof NoSuchObjectError)) throw this.#failed(`<GUID=${containerGuid}>`, error);
    }
  }

  async lockouts(guids: readonly string[]): Promise<ReadonlyMap<string, LockoutEnd>> {
    const attributes = ['objectGUID', 'lockoutTime', 'msDS-User-Account-Control-Computed', 'msDS-ResultantPSO'];
    const locked = (await this.#byGuid(guids, attributes)).filter(
      (entry) => (Number(textOf(entry, 'msDS-User-Account-Control-Computed') ?? 0) & lockedOutFlag) !== 0,
    );
    const durations = new Map<string, number | 'never'>();
    const ends = new Map<string, LockoutEnd>();
    for (const entry of locked) {
      const policy = textOf(entry, 'msDS-ResultantPSO');
      const key = policy ?? '';
      if (!durations.has(key)) durations.set(key, await this.#lockoutDuration(policy));
      const duration = durations.get(key) ?? 'never';
      const since = fileTime(textOf(entry, 'lockoutTime'));
      const end = since === undefined || duration === 'never' ? 'never' : isoText(new Date(since.getTime() + duration));
      ends.set(reference(entry).guid, end);
    }
    return ends;
  }

  async lookUp(guids: readonly string[]): Promise<readonly FoundObject[]> {
    const requested = [...this.#attributes.filter((name) => name !== 'member'), 'memberOf'];
    const named = canonicalNames(requested);
    return (await this.#byGuid(guids, requested)).map((entry) => {
      // Many values come in part, as memberOf;range=0-1499 (MS-ADTS section 3.1.1.3.1.3.3): the rest is asked for one by one.
      const groups = Object.keys(entry).flatMap((name) => (/^memberOf(?:;|$)/i.test(name) ? textsOf(entry, name) : []));
      const { membersAdded: _a, membersRemoved: _r, attributes, ...found } = toChangedObject(entry, named);
      const { memberOf: _m, ...shown } = attributes;
      return { ...found, attributes: shown, memberOf: groups.map((name) => parseExtendedName(name).guid) };
    });
  }

  async withoutValue(guids: readonly string[], attribute: string): Promise<ReadonlySet<string>> {
    // Of an attribute that we may not read "not present" is undefined, not true: the filter leaves the object out. Samba returns it.
    const entries = await this.#byGuid(guids, ['objectGUID'], [new NotFilter({ filter: new PresenceFilter({ attribute }) })]);
    return new Set(entries.map((entry) => reference(entry).guid));
  }

  async existence(guid: string): Promise<Existence> {
    try {
      const attributes = ['objectGUID', 'isDeleted'];
      const entry = await this.#entry(`<GUID=${guid}>`, { attributes }, [new ShowRecycledControl()]);
      if (entry === undefined) return 'none';
      return textOf(entry, 'isDeleted')?.toUpperCase() === 'TRUE' ? 'deleted' : 'living';
    } catch (error) {
      if (error instanceof DirectoryUnreachableError && error.cause instanceof NoSuchObjectError) return 'none';
      throw error;
    }
  }

  async members(groupGuid: string): Promise<readonly ObjectReference[]> {
    const members: ObjectReference[] = [];
    for (;;) {
      // Many values come in part (MS-ADTS section 3.1.1.3.1.3.3); the last part is named range=<n>-*.
      const attributes = [`member;range=${members.length}-*`];
      const entry = await this.#entry(`<GUID=${groupGuid}>`, { attributes }, [new ExtendedNameControl()]);
      const part = Object.keys(entry ?? {}).find((name) => /^member(;|$)/i.test(name) && textsOf(entry, name).length > 0);
      if (part === undefined) return members;
      members.push(...textsOf(entry, part).map(parseExtendedName));
      if (!/;range=\d+-\d+$/i.test(part)) return members;
    }
  }

  async memberState(groupGuid: string, memberGuid: string): Promise<MemberState> {
    const base = `<GUID=${groupGuid}>`;
    const there = await this.#entry(base, { filter: `(member=<GUID=${memberGuid}>)`, attributes: ['objectGUID'] });
    if (there !== undefined) return 'there';
    // An empty list is no proof: it looks the same as one that we may not read (MS-ADTS section 3.1.1.4.4).
    const group = await this.#entry(base, { attributes: ['objectGUID', 'member;range=0-0'] });
    const shown = Object.entries(group ?? {}).some(([name, value]) => /^member(;|$)/i.test(name) && value.length > 0);
    return shown ? 'gone' : 'unproven';
  }

  async close(): Promise<void> {
    await this.#client.unbind();
  }

  async #lockoutDuration(policyDn: string | undefined): Promise<number | 'never'> {
    const attribute = policyDn === undefined ? 'lockoutDuration' : 'msDS-LockoutDuration';
    const entry = await this.#entry(policyDn ?? this.#namingContext, { attributes: [attribute] });
    // A duration of 0 means until an administrator unlocks (MS-SAMR section 3.1.1.5).
    return interval(textOf(entry, attribute)) || 'never';
  }

  async #rootDseText(attribute: string): Promise<string> {
    if (this.#rootDse === undefined) await this.controller();
    return textOf(this.#rootDse, attribute) ?? '';
  }

  /** Entries of objects by GUID, of those that the account may see. */
  async #byGuid(guids: readonly string[], attributes: readonly string[], condition: readonly Filter[] = []): Promise<readonly Entry[]> {
    const entries: Entry[] = [];
    for (let start = 0; start < guids.length; start += lookUpWidth) {
      // Filters as objects: ldapts reads an escaped byte of a filter's text as a character.
      const some = guids
        .slice(start, start + lookUpWidth)
        .map((guid) => new EqualityFilter({ attribute: 'objectGUID', value: guidBytes(guid) }));
      const filter = new AndFilter({ filters: [new OrFilter({ filters: some }), ...condition] });
      entries.push(
        ...(await this.#search(this.#namingContext, { scope: 'sub', filter, attributes: [...attributes] }, [new ExtendedNameControl()])),
      );
    }
    return entries;
  }

  /** The entry of a base search; undefined when it does not match, or there is none. */
  async #entry(base: string, options: Omit<SearchOptions, 'scope'>, controls: Control[] = []): Promise<Entry | undefined> {
    try {
      return (await this.#search(base, { ...options, scope: 'base' }, controls))[0];
    } catch (error) {
      if (error instanceof DirectoryUnreachableError && error.cause instanceof NoSuchObjectError) return undefined;
      throw error;
    }
  }

  async #search(base: string, options: SearchOptions, controls: Control[]): Promise<readonly Entry[]> {
    this.#assertConnected();
    try {
      return (await this.#client.search(base, { ...options, explicitBufferAttributes: binaryAttributes }, controls)).searchEntries;
    } catch (error) {
      // A cookie of another version of Windows is a protocol error to AD (Microsoft, "Polling for Changes Using the DirSync Control").
      if (error instanceof UnavailableCriticalExtensionError || (error instanceof ProtocolError && error.message.includes('0000203D'))) {
        throw new CookieRefusedError(`${this.url} refused the DirSync cookie: ${error.message}`, { cause: error });
      }
      throw this.#failed(base, error);
    }
  }

  /** ldapts would connect anew, and search without a bind: what an anonymous search does not find is no proof of anything. */
  #assertConnected(): void {
    if (!this.#client.isConnected)
      throw new DirectoryUnreachableError(`the connection to ${this.url} was lost: the next poll opens another`);
  }

  #failed(base: string, error: unknown): DirectoryUnreachableError {
    return new DirectoryUnreachableError(`search of "${base}" at ${this.url} failed: ${reasonOf(error)}`, { cause: error });
  }
}

function assertLdaps(url: string): void {
  if (!/^ldaps:\/\/[^/]+\/?$/i.test(url)) {
    throw new ConfigurationError(
      `directory URL "${url}" is not ldaps://host[:port]: the bind password would travel in clear text; use ldaps://`,
    );
  }
}
