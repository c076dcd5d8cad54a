/** Reads a directory's changes from a domain controller over LDAPS: DirSync with extended names and incremental values. */
import { Client, type Entry, InvalidCredentialsError, ResultCodeError, UnavailableCriticalExtensionError } from 'ldapts';
import { ConfigurationError } from '../platform/errors.ts';
import {
  type ChangedObject,
  type ChangePage,
  CookieRefusedError,
  capturedAttributes,
  capturedFilter,
  type DirectorySource,
  DirectoryUnreachableError,
} from './directory-source.ts';
import { DirSyncControl, dirSyncFlags, ExtendedNameControl } from './dirsync-control.ts';
import { guidText, parseExtendedName, sidText } from './object-identity.ts';

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
  readonly connectTimeoutMs?: number;
  readonly timeoutMs?: number;
}

/** Bytes of a page that we ask AD for. AD caps a page at its own limit too; Samba ignores it. */
const pageBytes = 1024 * 1024;

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
      return ldapSource(client, url, options.namingContext);
    } catch (error) {
      await client.unbind().catch(() => {});
      if (error instanceof InvalidCredentialsError)
        throw new DirectoryUnreachableError(bindRefused(url, options.credentials.username, error));
      failures.push(`${url}: ${reasonOf(error)}`);
    }
  }
  throw new DirectoryUnreachableError(`no domain controller answers: ${failures.join('; ')}`);
}

function ldapSource(client: Client, url: string, namingContext: string): DirectorySource {
  return {
    url,
    async changesSince(cookie): Promise<ChangePage> {
      const requested: string[] = [...capturedAttributes];
      const control = new DirSyncControl({ flags: dirSyncFlags.incrementalValues, maxBytes: pageBytes, cookie }, () => {
        // ldapts fills every requested attribute that did not come with []: "unchanged" would read as "cleared". It takes the list from
        // this array after the response, so we empty it then.
        requested.length = 0;
      });
      const { searchEntries } = await search(client, url, namingContext, requested, control);
      if (control.nextCookie === undefined) {
        throw new DirectoryUnreachableError(
          `${url} answered a DirSync search without the DirSync control: point LDAPS_URLS at domain controllers`,
        );
      }
      return { objects: searchEntries.map(toChangedObject), cookie: control.nextCookie, moreResults: control.moreResults };
    },
    async close() {
      await client.unbind();
    },
  };
}

async function search(client: Client, url: string, namingContext: string, attributes: string[], control: DirSyncControl) {
  try {
    return await client.search(
      namingContext,
      { scope: 'sub', filter: capturedFilter, attributes, explicitBufferAttributes: ['objectGUID', 'objectSid'] },
      [control, new ExtendedNameControl()],
    );
  } catch (error) {
    if (error instanceof UnavailableCriticalExtensionError) {
      throw new CookieRefusedError(`${url} refused the DirSync cookie: ${error.message}`, { cause: error });
    }
    throw new DirectoryUnreachableError(`DirSync of "${namingContext}" at ${url} failed: ${reasonOf(error)}`, { cause: error });
  }
}

/** @throws SyntaxError or RangeError when the domain controller sends what is no AD object: nothing of the page is used then */
export function toChangedObject(entry: Entry): ChangedObject {
  const attributes: Record<string, string[]> = {};
  const membersAdded: ChangedObject['membersAdded'][number][] = [];
  const membersRemoved: typeof membersAdded = [];
  const guidBytes = entry.objectGUID;
  let sid: string | undefined;
  for (const [description, value] of Object.entries(entry)) {
    if (description === 'dn' || description === 'objectGUID') continue;
    const values = (Array.isArray(value) ? value : [value]) as (string | Buffer)[];
    const [attribute = '', option] = description.split(';');
    if (attribute === 'member') {
      // LDAP_DIRSYNC_INCREMENTAL_VALUES: range=1-1 are values that are there, range=0-0 values that are gone (MS-ADTS 3.1.1.3.4.1.3).
      const list = option === 'range=0-0' ? membersRemoved : membersAdded;
      for (const name of values) list.push(parseExtendedName(name.toString()));
    } else if (attribute === 'objectSid') {
      sid = values[0] === undefined ? undefined : sidText(Buffer.from(values[0]));
    } else {
      attributes[attribute] = values.map((item) => item.toString());
    }
  }
  if (!Buffer.isBuffer(guidBytes)) throw new SyntaxError(`an entry without objectGUID: ${JSON.stringify(entry.dn)}`);
  const guid = guidText(guidBytes);
  const named = entry.dn === '' ? { guid, dn: '' } : parseExtendedName(entry.dn);
  return { ...named, ...(sid === undefined ? {} : { sid }), guid, attributes, membersAdded, membersRemoved };
}

function assertLdaps(url: string): void {
  if (!/^ldaps:\/\/[^/]+\/?$/i.test(url)) {
    throw new ConfigurationError(
      `directory URL "${url}" is not ldaps://host[:port]: the bind password would travel in clear text; use ldaps://`,
    );
  }
}

/** What AD's error data of a refused bind means (Windows error codes in the diagnostic message of result 49). */
const bindErrors: Readonly<Record<string, string>> = {
  '525': 'no such account',
  '52e': 'wrong user name or password',
  '530': 'not permitted at this time',
  '531': 'not permitted from this computer',
  '532': 'password expired',
  '533': 'account disabled',
  '701': 'account expired',
  '773': 'password must be changed',
  '775': 'account locked out',
};

function bindRefused(url: string, username: string, error: Error): string {
  const code = /data ([0-9a-f]{3})/i.exec(error.message)?.[1]?.toLowerCase() ?? '';
  const meaning = bindErrors[code] ?? 'credentials refused';
  return `bind of "${username}" at ${url} refused: ${meaning}${code ? ` (data ${code})` : ''}; put the right user name and password into the bind secret`;
}

const certificateErrors: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by another CA',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by another CA',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by another CA',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is signed by another CA',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by another CA',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

/** A reason in plain words. Messages of ldapts and Node carry no credentials. */
function reasonOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const certificate = certificateErrors[code];
  if (certificate !== undefined) return `${certificate} (${code}); set the directory's CA certificate to the one that signed it`;
  if (error instanceof ResultCodeError) return `${error.name} (${error.code}): ${error.message}`;
  return error instanceof Error ? error.message || code || error.name : String(error);
}
