/** What has changed: every record of a time, by criteria. */
import type { ChainedRecord } from '../audit-record.ts';
import { severities } from '../ocsf-classes.ts';
import { isOf } from './event-record.ts';
import { findPrincipal, principalKey, spellings } from './principals.ts';
import { doneBy, isDeletion, whatHappened } from './record-text.ts';
import type { TrailRecords } from './trail-records.ts';

export interface ChangesAsked {
  readonly since?: Date | undefined;
  /** Before that time. */
  readonly until?: Date | undefined;
  readonly user?: string | undefined;
  readonly role?: string | undefined;
  readonly target?: string | undefined;
  /** Types of events. @default all */
  readonly types: readonly string[];
  /** That severe or worse. */
  readonly severity?: keyof typeof severities | undefined;
}

export interface ChangeRow {
  readonly event: string;
  /** ISO 8601. */
  readonly at: string;
  readonly recordedAt: string;
  readonly type: string;
  readonly severity: string;
  /** Whether something was deleted, or somebody lost all access. */
  readonly deletion: boolean;
  readonly failed: boolean;
  readonly domain: string;
  readonly subject: { readonly guid: string; readonly name: string; readonly dn: string };
  readonly target?: string | undefined;
  readonly what: string;
  /** Who, where the directory's Security log or a signature tells; else the domain whose function acted. */
  readonly by: string;
  readonly cause?: string | undefined;
}

/** Of changes of that time, oldest first. @throws AnswerError when nobody, or more than one, is called so */
export async function changes(records: TrailRecords, asked: ChangesAsked): Promise<readonly ChangeRow[]> {
  const { since, until, user, role, target, types, severity } = asked;
  const principal = user === undefined ? undefined : await findPrincipal(records, user);
  const least = severity === undefined ? 0 : severities[severity];
  const privilege = role?.toLowerCase();
  const where = (record: ChainedRecord): boolean => {
    const { time, severity_id, unmapped } = record;
    return (
      (since === undefined || time >= since.getTime()) &&
      (until === undefined || time < until.getTime()) &&
      severity_id >= least &&
      (types.length === 0 || types.includes(unmapped.type)) &&
      (target === undefined || unmapped.target === target || privilegesOf(record).some((one) => one.endsWith(` at ${target}`))) &&
      (privilege === undefined || privilegesOf(record).some((one) => one.startsWith(`${privilege} at `))) &&
      (principal === undefined || isAbout(record, principalKey(principal.domain, principal.subject.guid)))
    );
  };
  // The most selective of what was asked for.
  const mentions = principal ? [principal.subject.guid] : role !== undefined ? spellings(role) : types.length > 0 ? types : undefined;
  const rows: ChangeRow[] = [];
  for await (const record of records.read({ since: recordedFrom(since), mentions, where })) rows.push(rowOf(record));
  return rows.sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
}

/** A change is recorded after it happened, by clocks that may differ: a domain controller's and that of AWS. */
const clocksDifferMs = 3_600_000;
export const recordedFrom = (time: Date | undefined): Date | undefined =>
  time === undefined ? undefined : new Date(time.getTime() - clocksDifferMs);

/** `role at target`, the role in lower case. */
function privilegesOf(record: ChainedRecord): readonly string[] {
  const { unmapped, privileges = [] } = record;
  const { role } = unmapped.change as { readonly role?: unknown };
  const named = typeof role === 'string' && unmapped.target !== undefined ? [`${role} at ${unmapped.target}`] : [];
  return [...privileges, ...named].map((one) => {
    const end = one.lastIndexOf(' at ');
    return `${one.slice(0, end).toLowerCase()}${one.slice(end)}`;
  });
}

function isAbout(record: ChainedRecord, key: string): boolean {
  const { domain, subject } = record.unmapped;
  if (principalKey(domain, subject.guid) === key) return true;
  return isOf(record, 'GroupMemberAdded', 'GroupMemberRemoved') && key.endsWith(`#${record.unmapped.change.member.guid}`);
}

function rowOf(record: ChainedRecord): ChangeRow {
  const { metadata, severity, status_id, unmapped } = record;
  const { type, domain, subject, target, cause, times } = unmapped;
  return {
    event: metadata.uid,
    at: times.occurredAt,
    recordedAt: times.recordedAt,
    type,
    severity,
    deletion: isDeletion(record),
    failed: status_id === 2,
    domain,
    subject: { guid: subject.guid, name: subject.name, dn: subject.dn },
    ...(target === undefined ? {} : { target }),
    what: whatHappened(record),
    by: doneBy(record) ?? record.unmapped.source,
    ...(cause === undefined ? {} : { cause: cause.id }),
  };
}
