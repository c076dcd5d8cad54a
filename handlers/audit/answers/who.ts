/** Who has and had what: of one user, or of one role. */
import type { ChainedRecord } from '../audit-record.ts';
import { AnswerError } from './answer-error.ts';
import { mostIds, readCauses } from './causes.ts';
import { isOf } from './event-record.ts';
import { decisionsOf, type GrantRow, grantRows } from './grant-rows.ts';
import { called, type Holding, holdings, isHeldAt } from './holdings.ts';
import { findPrincipal, Names, type Naming, namings, type Principal, principalKey, spellings } from './principals.ts';
import type { TrailRecords } from './trail-records.ts';

export interface Asked {
  /** As it was then: what was held at that time alone. @default all that is and was held */
  readonly at?: Date | undefined;
  /** Name of a target. */
  readonly target?: string | undefined;
}

export interface WhoAnswer {
  readonly principal: Principal;
  /** Oldest first; the last is the name it has. */
  readonly names: readonly Naming[];
  readonly grants: readonly GrantRow[];
}

/** What a user has and had. @throws AnswerError when nobody, or more than one, is called so */
export async function who(records: TrailRecords, user: string, { at, target }: Asked): Promise<WhoAnswer> {
  const meant = await findPrincipal(records, user);
  const known = await recordsOf(records, meant);
  const calls = new Names();
  for (const record of known.values()) calls.note(record);
  const principal = { ...meant, subject: calls.of(principalKey(meant.domain, meant.subject.guid)) ?? meant.subject };
  const time = at?.toISOString();
  const held = holdings(known.values()).filter(
    (holding) => (target === undefined || holding.target === target) && (time === undefined || isHeldAt(holding, time)),
  );
  await readCauses(records, known);
  return { principal, names: namings(known.values(), principal.subject.guid), grants: grantRows(held, known, time) };
}

/** All records that a principal is the subject or the member of, by their events' ids. */
export async function recordsOf(records: TrailRecords, { domain, subject }: Principal): Promise<Map<string, ChainedRecord>> {
  const where = (record: ChainedRecord) => {
    const { unmapped } = record;
    if (unmapped.domain === domain && unmapped.subject.guid === subject.guid) return true;
    return isOf(record, 'GroupMemberAdded', 'GroupMemberRemoved') && record.unmapped.change.member.guid === subject.guid;
  };
  return await byId(records.read({ mentions: [subject.guid], where }));
}

export async function byId(records: AsyncIterable<ChainedRecord>): Promise<Map<string, ChainedRecord>> {
  const all = new Map<string, ChainedRecord>();
  for await (const record of records) all.set(record.metadata.uid, record);
  return all;
}

/** Who has and had a role. @throws AnswerError when the trail does not know the role */
export async function what(records: TrailRecords, role: string, { at, target }: Asked): Promise<readonly GrantRow[]> {
  const isMeant = (one: { readonly role: string; readonly target: string }) =>
    one.role.toLowerCase() === role.toLowerCase() && (target === undefined || one.target === target);
  const where = (record: ChainedRecord) => {
    if (isOf(record, 'AccessDecided')) {
      const { holds, revoked } = record.unmapped.change;
      return holds.some(isMeant) || revoked.some(isMeant);
    }
    if (isOf(record, 'AccessEnded')) return record.unmapped.change.ended.some(isMeant);
    return isOf(record, 'RoleGranted', 'RoleRevoked', 'AccessViolationFound') && isMeant(record.unmapped.change.grant);
  };
  const known = await byId(records.read({ mentions: spellings(role), where }));
  const time = at?.toISOString();
  const all = holdings(known.values()).filter(isMeant);
  if (all.length === 0)
    throw new AnswerError(
      'unknown',
      `no record says that anybody had the role ${JSON.stringify(role)}${target === undefined ? '' : ` at ${target}`}: give its name as "who" shows it`,
    );
  const held = await calledNow(records, time === undefined ? all : all.filter((holding) => isHeldAt(holding, time)));
  const decisions = decisionsOf(held, known);
  await readCauses(records, decisions);
  return grantRows(held, decisions, time);
}

/** Who holds a role was perhaps renamed since, and somebody else has the name. */
async function calledNow(records: TrailRecords, held: readonly Holding[]): Promise<readonly Holding[]> {
  const keys = new Set(held.map(({ domain, subject }) => principalKey(domain, subject.guid)));
  const guids = new Set(held.map(({ subject }) => subject.guid));
  const names = new Names();
  const where = ({ unmapped: { domain, subject } }: ChainedRecord) => keys.has(principalKey(domain, subject.guid));
  for await (const record of records.read({ mentions: guids.size > mostIds ? undefined : [...guids], where })) names.note(record);
  return called(held, names);
}
