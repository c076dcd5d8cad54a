/** Whom a name means in the trail: the identity is the objectGUID, names are what a person was called when a record was made. */
import type { ChainedRecord } from '../audit-record.ts';
import { AnswerError } from './answer-error.ts';
import type { TrailRecords } from './trail-records.ts';

type Subject = ChainedRecord['unmapped']['subject'];

/** A user, as it was last called in the records that were read. */
export interface Principal {
  /** The directory's DNS domain name. */
  readonly domain: string;
  readonly subject: Subject;
}

/** One name and when it was seen; `from` and `to` are times of changes, ISO 8601. */
export interface Naming {
  readonly name: string;
  readonly from: string;
  readonly to: string;
}

const guidPattern = /^\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?$/i;

export const principalKey = (domain: string, guid: string): string => `${domain}#${guid}`;

/** The name that ids of grants and tables use. */
export const shortName = ({ samAccountName, name }: Subject): string => samAccountName ?? name;

/** All names that a person is called by. */
export const fullName = ({ samAccountName, userPrincipalName, name }: Subject): string =>
  [...new Set([samAccountName, userPrincipalName, name])].filter((one) => one !== undefined).join(', ');

/** Letter case of a name as the directory may have it: sources find texts by their letters. */
export const spellings = (text: string): readonly string[] => [
  ...new Set([text, text.toLowerCase(), text.toUpperCase(), text.charAt(0).toUpperCase() + text.slice(1).toLowerCase(), capitals(text)]),
];

/** `Ada Sample`, `Ada.Sample@corp.example.com` */
const capitals = (text: string): string => text.toLowerCase().replace(/(?<![\p{L}\p{N}]|@.*)\p{L}/gu, (letter) => letter.toUpperCase());

/**
 * The one user that is, or was, called so: by sAMAccountName, user principal name, name, DN, SID or objectGUID.
 *
 * @throws AnswerError `unknown` when there is none, `ambiguous` when there is more than one, which are named
 */
export async function findPrincipal(records: TrailRecords, given: string): Promise<Principal> {
  const guid = guidPattern.exec(given)?.[1]?.toLowerCase();
  const found = new Map<string, Principal & { readonly last: string }>();
  const where = ({ unmapped: { subject } }: ChainedRecord) =>
    subject.type === 'user' && (guid === undefined ? isCalled(subject, given) : subject.guid === guid);
  for await (const { unmapped } of records.read({ mentions: guid === undefined ? spellings(given) : [guid], where })) {
    const { subject, domain, times } = unmapped;
    const key = principalKey(domain, subject.guid);
    const before = found.get(key);
    if (before === undefined || before.last <= times.detectedAt) found.set(key, { domain, subject, last: times.detectedAt });
  }
  const [one, ...others] = found.values();
  if (one === undefined)
    throw new AnswerError(
      'unknown',
      `no record names a user ${JSON.stringify(given)}: give a sAMAccountName, user principal name, name, DN, SID or objectGUID as the directory has or had it`,
    );
  if (others.length === 0) return one;
  const listed = [one, ...others].map(
    ({ subject, domain, last }) => `  ${subject.guid}  ${shortName(subject)} of ${domain}, ${subject.dn}, last called so ${last}`,
  );
  throw new AnswerError('ambiguous', `${JSON.stringify(given)} is, or was, more than one: give the objectGUID\n${listed.join('\n')}`);
}

/** What principals are called, by `principalKey`. */
export class Names {
  readonly #newest = new Map<string, ChainedRecord>();

  note(record: ChainedRecord): void {
    const { domain, subject } = record.unmapped;
    const key = principalKey(domain, subject.guid);
    const known = this.#newest.get(key);
    if (known === undefined || isNewer(record, known)) this.#newest.set(key, record);
  }

  of(key: string): Subject | undefined {
    return this.#newest.get(key)?.unmapped.subject;
  }
}

/** What is done at a target, or is not, tells the name that the last decision went by. */
const tellsName = ({ unmapped: { source } }: ChainedRecord): boolean =>
  source === 'active-directory.directory' || source === 'active-directory.access';

const isNewer = (one: ChainedRecord, other: ChainedRecord): boolean =>
  tellsName(one) === tellsName(other) ? one.unmapped.times.detectedAt >= other.unmapped.times.detectedAt : tellsName(one);

function isCalled({ samAccountName, userPrincipalName, name, dn, sid }: Subject, given: string): boolean {
  const lower = given.toLowerCase();
  return [samAccountName, userPrincipalName, name, dn, sid].some((one) => one?.toLowerCase() === lower);
}

/** Everything a principal was called, oldest first. */
export function namings(records: Iterable<ChainedRecord>, guid: string): readonly Naming[] {
  const byName = new Map<string, Naming>();
  for (const { unmapped } of records) {
    if (unmapped.subject.guid !== guid) continue;
    const name = fullName(unmapped.subject);
    const at = unmapped.times.detectedAt;
    const [from = at, , to = at] = [byName.get(name)?.from ?? at, at, byName.get(name)?.to ?? at].sort();
    byName.set(name, { name, from, to });
  }
  return [...byName.values()].sort((one, other) => (one.from < other.from ? -1 : 1));
}
