/** The directory of a rotation over LDAPS: each session is one connection, bound as the account that it was opened with. */
import {
  AndFilter,
  Attribute,
  Change,
  Client,
  ConstraintViolationError,
  type Control,
  type Entry,
  EqualityFilter,
  type Filter,
  InsufficientAccessError,
  InvalidCredentialsError,
  NoSuchObjectError,
  NotFilter,
  OrFilter,
  ResultCodeError,
  type SearchOptions,
  UnwillingToPerformError,
} from 'ldapts';
import { accountExpiry, fileTime, interval, isoText } from '../platform/file-time.ts';
import { DirSyncControl } from '../platform/ldap-controls.ts';
import { bindRefusal, reasonOf } from '../platform/ldap-failure.ts';
import { textOf, textsOf } from '../platform/ldap-values.ts';
import { guidBytes, guidText, sidText } from '../platform/object-identity.ts';
import {
  type Account,
  type AccountDirectory,
  type AccountSession,
  ControllerUnreachableError,
  type Login,
  type Opened,
} from './account-directory.ts';
import { CredentialError } from './credential-error.ts';
import type { PasswordPolicy } from './password-policy.ts';

export interface LdapAccountDirectoryOptions {
  /** `ldaps://` URLs of domain controllers of one domain. */
  readonly urls: readonly string[];
  /** PEM of the CA that signed their certificates. */
  readonly ca: string;
  /** DNS name of the domain. */
  readonly domain: string;
  readonly now: () => Date;
  /** @default 5,000 */
  readonly connectTimeoutMs?: number;
  /** @default 15,000 */
  readonly timeoutMs?: number;
}

/** ADS_UF_ACCOUNTDISABLE, and UF_LOCKOUT of the computed form (MS-ADTS sections 2.2.16 and 3.1.1.4.5.17). */
const disabledFlag = 0x2;
const lockedOutFlag = 0x10;
/** DOMAIN_PASSWORD_COMPLEX of pwdProperties (MS-SAMR section 2.2.4.12). */
const complexFlag = 0x1;

const binaryAttributes = ['objectGUID', 'objectSid'];
const accountAttributes = [
  ...binaryAttributes,
  'name',
  'displayName',
  'sAMAccountName',
  'userPrincipalName',
  'userAccountControl',
  'msDS-User-Account-Control-Computed',
  'accountExpires',
  'pwdLastSet',
  'servicePrincipalName',
  'memberOf',
  'primaryGroupID',
];

export function ldapAccountDirectory(options: LdapAccountDirectoryOptions): AccountDirectory {
  const { urls, ca, domain } = options;
  for (const url of urls) {
    if (!/^ldaps:\/\/[^/]+\/?$/i.test(url)) {
      throw new CredentialError(`directory URL "${url}" is not ldaps://host[:port]`, 'passwords would travel in clear text, use ldaps://');
    }
  }
  const bind = async (url: string, { username, password }: Login): Promise<Opened> => {
    const client = new Client({
      url,
      timeout: options.timeoutMs ?? 15_000,
      connectTimeout: options.connectTimeoutMs ?? 5_000,
      tlsOptions: { ca: [ca], minVersion: 'TLSv1.2' },
    });
    try {
      await client.bind(username, password);
      return { session: new LdapAccountSession(client, url, options) };
    } catch (error) {
      await client.unbind().catch(() => {});
      if (error instanceof InvalidCredentialsError) return { refusal: bindRefusal(error) };
      throw new ControllerUnreachableError(`${url}: ${reasonOf(error)}`, { cause: error });
    }
  };
  return {
    controllers: urls,
    domain,
    async open(login, controller) {
      const failures: string[] = [];
      for (const url of controller === undefined ? urls : [controller]) {
        try {
          return await bind(url, login);
        } catch (error) {
          if (!(error instanceof ControllerUnreachableError)) throw error;
          failures.push(error.message);
        }
      }
      throw new ControllerUnreachableError(`no domain controller answers: ${failures.join('; ')}`);
    },
  };
}

class LdapAccountSession implements AccountSession {
  readonly controller: string;
  readonly #client: Client;
  readonly #domain: string;
  readonly #now: () => Date;
  #rootDse: Entry | undefined;

  constructor(client: Client, url: string, { domain, now }: LdapAccountDirectoryOptions) {
    this.#client = client;
    this.controller = url;
    this.#domain = domain;
    this.#now = now;
  }

  async now(): Promise<string> {
    const root = await this.#entry('', { attributes: ['currentTime', 'defaultNamingContext'] });
    this.#rootDse = root;
    const text = generalizedTime(textOf(root, 'currentTime'));
    if (text === undefined)
      throw new CredentialError(`${this.controller} tells no currentTime`, 'point the URLs at domain controllers of the domain');
    return text;
  }

  async account(samAccountName: string): Promise<Account> {
    const filters = [equals('objectClass', 'user'), equals('sAMAccountName', samAccountName)];
    const [entry] = await this.#below(new AndFilter({ filters }), accountAttributes);
    if (entry === undefined || !Buffer.isBuffer(entry.objectGUID) || !Buffer.isBuffer(entry.objectSid)) {
      throw new CredentialError(
        `account "${samAccountName}" is not in the directory at ${this.controller}, or may not be read`,
        'create it, or correct its name (sAMAccountName) in the settings',
      );
    }
    const sid = sidText(entry.objectSid);
    const control = textOf(entry, 'userAccountControl');
    if (control === undefined) {
      throw new CredentialError(
        `userAccountControl of account "${samAccountName}" may not be read at ${this.controller}, which says whether it is disabled`,
        'grant whoever rotates it the right to read it (docs/credential-rotation.md)',
      );
    }
    const flags = Number(control);
    const expiresAt = accountExpiry(textOf(entry, 'accountExpires'));
    const lastSet = textOf(entry, 'pwdLastSet');
    const passwordLastSet = lastSet === '0' ? undefined : fileTime(lastSet);
    const userPrincipalName = textOf(entry, 'userPrincipalName');
    return {
      subject: {
        guid: guidText(entry.objectGUID),
        sid,
        type: textsOf(entry, 'objectClass').includes('computer') ? 'computer' : 'user',
        name: textOf(entry, 'name') ?? samAccountName,
        dn: entry.dn,
        samAccountName: textOf(entry, 'sAMAccountName') ?? samAccountName,
        ...(userPrincipalName === undefined ? {} : { userPrincipalName }),
      },
      displayName: textOf(entry, 'displayName'),
      disabled: (flags & disabledFlag) !== 0,
      lockedOut: (Number(textOf(entry, 'msDS-User-Account-Control-Computed') ?? 0) & lockedOutFlag) !== 0,
      expired: expiresAt !== undefined && expiresAt <= this.#now(),
      passwordLastSet: passwordLastSet && isoText(passwordLastSet),
      servicePrincipalNames: textsOf(entry, 'servicePrincipalName'),
      groups: [...textsOf(entry, 'memberOf'), ...(await this.#primaryGroup(sid, textOf(entry, 'primaryGroupID')))].sort(),
    };
  }

  async namesakes({ subject, servicePrincipalNames }: Account): Promise<readonly { readonly dn: string; readonly name: string }[]> {
    const { guid, samAccountName, userPrincipalName } = subject;
    // Another's explicit name wins over our implicit one (MS-ADTS section 5.1.1.1.1).
    const principalNames = new Set([
      `${samAccountName}@${this.#domain}`.toLowerCase(),
      ...(userPrincipalName ? [userPrincipalName.toLowerCase()] : []),
    ]);
    const claims = [
      ...[...principalNames].map((name) => ['userPrincipalName', name] as const),
      ...servicePrincipalNames.map((name) => ['servicePrincipalName', name] as const),
    ];
    const others = new NotFilter({ filter: new EqualityFilter({ attribute: 'objectGUID', value: guidBytes(guid) }) });
    const anyOf = new OrFilter({ filters: claims.map(([attribute, value]) => equals(attribute, value)) });
    const entries = await this.#below(new AndFilter({ filters: [anyOf, others] }), ['userPrincipalName', 'servicePrincipalName']);
    return entries.flatMap((entry) =>
      claims
        .filter(([attribute, name]) => textsOf(entry, attribute).some((one) => one.toLowerCase() === name.toLowerCase()))
        .map(([, name]) => ({ dn: entry.dn, name })),
    );
  }

  async policyOf({ subject }: Account): Promise<PasswordPolicy> {
    const domain = await this.#entry(await this.#namingContext(), {
      attributes: ['minPwdLength', 'pwdProperties', 'pwdHistoryLength', 'minPwdAge', 'lockoutThreshold'],
    });
    const number = (entry: Entry | undefined, attribute: string) => Number(textOf(entry, attribute) ?? 0);
    const span = (entry: Entry | undefined, attribute: string) => {
      const age = interval(textOf(entry, attribute), 0);
      return age === 'never' ? Number.POSITIVE_INFINITY : (age ?? 0);
    };
    const general: PasswordPolicy = {
      minLength: number(domain, 'minPwdLength'),
      complexity: (number(domain, 'pwdProperties') & complexFlag) !== 0,
      history: number(domain, 'pwdHistoryLength'),
      minAgeMs: span(domain, 'minPwdAge'),
      lockoutThreshold: number(domain, 'lockoutThreshold'),
    };
    // MS-ADTS section 3.1.1.4.5.36: constructed; absent too where the account may not read the policy. The domain's is taken then, and a
    // password that does not fit is refused by the directory, with its reason.
    const from = textOf(await this.#entry(subject.dn, { attributes: ['msDS-ResultantPSO'] }), 'msDS-ResultantPSO');
    if (from === undefined) return general;
    const own = await this.#entry(from, {
      attributes: [
        'msDS-MinimumPasswordLength',
        'msDS-PasswordComplexityEnabled',
        'msDS-PasswordHistoryLength',
        'msDS-MinimumPasswordAge',
        'msDS-LockoutThreshold',
      ],
    });
    if (textOf(own, 'msDS-MinimumPasswordLength') === undefined) return { ...general, from };
    return {
      minLength: number(own, 'msDS-MinimumPasswordLength'),
      complexity: textOf(own, 'msDS-PasswordComplexityEnabled')?.toUpperCase() === 'TRUE',
      history: number(own, 'msDS-PasswordHistoryLength'),
      minAgeMs: span(own, 'msDS-MinimumPasswordAge'),
      lockoutThreshold: number(own, 'msDS-LockoutThreshold'),
      from,
    };
  }

  /** Delete of the old value and add of the new one: a change, in the account's own right (MS-ADTS section 3.1.1.3.1.5.1). */
  async changePassword(account: Account, before: string, after: string): Promise<void> {
    await this.#modify(account, 'change', [passwordChange('delete', before), passwordChange('add', after)]);
  }

  /** A replace is a reset: history and minimum age do not count. */
  async resetPassword(account: Account, after: string): Promise<void> {
    await this.#modify(account, 'reset', [passwordChange('replace', after)]);
  }

  async reads(dn: string): Promise<void> {
    if ((await this.#entry(dn, { attributes: ['objectGUID'] })) !== undefined) return;
    throw new CredentialError(
      `with its new password it may not read "${dn}" at ${this.controller}`,
      'grant it the right, or correct the name',
    );
  }

  async replicates(): Promise<void> {
    // Of no object: the right is checked, and nothing is read.
    const filter = new EqualityFilter({ attribute: 'objectGUID', value: Buffer.alloc(16) });
    const control = new DirSyncControl({ flags: 0, maxBytes: 1024, cookie: Buffer.alloc(0) });
    try {
      await this.#search(await this.#namingContext(), { scope: 'sub', filter, attributes: ['objectGUID'] }, [control]);
    } catch (error) {
      if (!(error instanceof InsufficientAccessError)) throw error;
      throw new CredentialError(
        `with its new password it may not read changes at ${this.controller}`,
        'grant it "Replicating Directory Changes" on the domain',
      );
    }
  }

  async close(): Promise<void> {
    await this.#client.unbind().catch(() => {});
  }

  async #primaryGroup(sid: string, rid: string | undefined): Promise<readonly string[]> {
    if (rid === undefined) return [];
    const group = await this.#entry(`<SID=${sid.slice(0, sid.lastIndexOf('-'))}-${rid}>`, { attributes: ['objectGUID'] });
    return group === undefined ? [] : [group.dn];
  }

  async #namingContext(): Promise<string> {
    if (this.#rootDse === undefined) await this.now();
    return textOf(this.#rootDse, 'defaultNamingContext') ?? '';
  }

  async #below(filter: Filter, attributes: readonly string[]): Promise<readonly Entry[]> {
    return this.#search(await this.#namingContext(), { scope: 'sub', filter, attributes: ['objectClass', ...attributes] });
  }

  /** Undefined: there is none, or it may not be read. */
  async #entry(base: string, options: Omit<SearchOptions, 'scope'>): Promise<Entry | undefined> {
    try {
      return (await this.#search(base, { ...options, scope: 'base' }))[0];
    } catch (error) {
      if (error instanceof NoSuchObjectError || error instanceof InsufficientAccessError) return undefined;
      throw error;
    }
  }

  async #search(base: string, options: SearchOptions, controls: Control[] = []): Promise<readonly Entry[]> {
    this.#assertConnected();
    try {
      return (await this.#client.search(base, { ...options, explicitBufferAttributes: binaryAttributes }, controls)).searchEntries;
    } catch (error) {
      if (error instanceof ResultCodeError) throw error;
      throw new ControllerUnreachableError(`search of "${base}" at ${this.controller} failed: ${reasonOf(error)}`, { cause: error });
    }
  }

  async #modify({ subject }: Account, how: 'change' | 'reset', changes: Change[]): Promise<void> {
    this.#assertConnected();
    try {
      await this.#client.modify(subject.dn, changes);
    } catch (error) {
      throw refused(subject.samAccountName, this.controller, how, error);
    }
  }

  /** ldapts would connect anew, and go on without a bind. */
  #assertConnected(): void {
    if (!this.#client.isConnected) throw new ControllerUnreachableError(`the connection to ${this.controller} was lost`);
  }
}

const equals = (attribute: string, value: string): EqualityFilter => new EqualityFilter({ attribute, value });

/** unicodePwd: in double quotes, UTF-16LE (MS-ADTS section 3.1.1.3.1.5.1). */
const passwordChange = (operation: 'add' | 'delete' | 'replace', password: string): Change =>
  new Change({ operation, modification: new Attribute({ type: 'unicodePwd', values: [Buffer.from(`"${password}"`, 'utf16le')] }) });

/** `20261130000501.0Z` (RFC 4517 section 3.3.13) in ISO 8601. */
function generalizedTime(text: string | undefined): string | undefined {
  const found = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(text ?? '');
  return found ? `${found[1]}-${found[2]}-${found[3]}T${found[4]}:${found[5]}:${found[6]}.000Z` : undefined;
}

/** What Windows error codes in the diagnostic message mean where a password was refused (MS-ERREF section 2.2). */
const refusals: readonly { readonly code: string; readonly reason: string; readonly remedy: string }[] = [
  {
    code: '0000052D',
    reason: 'too short, not complex, too young to be changed or in the history',
    remedy: "compare the settings with the account's password policy; a change by the account itself has to wait for the minimum age",
  },
  {
    code: '00000056',
    reason: 'the password before is not the stored one: somebody else changed it',
    remedy: 'put the right one into the secret, or have it reset by a delegated account',
  },
  { code: '00000775', reason: 'the account is locked out', remedy: 'unlock it, and find who binds with a wrong password' },
];

/** An answer says why; without one nobody knows whether it was done: the next attempt finds out. */
function refused(account: string, controller: string, how: 'change' | 'reset', error: unknown): Error {
  if (!(error instanceof ResultCodeError)) {
    return new ControllerUnreachableError(`${how} of the password of "${account}" at ${controller} got no answer: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const known = refusals.find(({ code }) => error.message.toUpperCase().includes(code));
  if (known && error instanceof ConstraintViolationError)
    return new CredentialError(
      `${controller} refused to ${how} the password of "${account}": ${known.reason} (${known.code})`,
      known.remedy,
    );
  if (error instanceof InsufficientAccessError) {
    return new CredentialError(
      `${controller} refused to ${how} the password of "${account}": no right to (${error.code})`,
      how === 'reset'
        ? 'grant the delegated account "Reset password" on it'
        : 'let it change its own password: it may carry "user cannot change password"',
    );
  }
  if (error instanceof NoSuchObjectError)
    return new CredentialError(`account "${account}" was deleted or moved meanwhile at ${controller}`, 'the next run looks for it again');
  const remedy = error instanceof UnwillingToPerformError ? "check the domain controller's log" : 'the next run tries again';
  return new CredentialError(`${controller} refused to ${how} the password of "${account}": ${reasonOf(error)}`, remedy);
}
