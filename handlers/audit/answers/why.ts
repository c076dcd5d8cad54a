/** Why a grant is there, or is not: the decision, its way and policies, and the chain of causes up to the directory's change. */
import type { Denial, Grant } from '../../events/catalogue.ts';
import type { ChainedRecord, Revisions } from '../audit-record.ts';
import { AnswerError } from './answer-error.ts';
import { type ById, chainOf, missingCause, readCauses } from './causes.ts';
import { type EventRecord, isOf } from './event-record.ts';
import { type GrantRow, grantRows, type Origin, readGrantId } from './grant-rows.ts';
import { holdings, isHeldAt, roleKey } from './holdings.ts';
import { findPrincipal, shortName } from './principals.ts';
import { byText, doneBy, whatHappened } from './record-text.ts';
import type { TrailRecords } from './trail-records.ts';
import { recordsOf } from './who.ts';

export type Step = Omit<Origin, 'type'>;

/** A denial as it was recorded: its policies come with their annotations. */
export interface ToldDenial {
  readonly event: string;
  readonly at: string;
  readonly denial: Denial;
}

export interface GrantWhy {
  readonly id: string;
  /** As of the time asked about. `denied`: it was never given in what was read, or was taken away by a policy since. */
  readonly state: GrantRow['state'] | 'denied';
  readonly grant?: GrantRow | undefined;
  /** Times it was given before, oldest first. */
  readonly earlier: readonly { readonly since: string; readonly until?: string | undefined }[];
  /** The last denial, and violation, there was. */
  readonly denied?: ToldDenial | undefined;
  /** Oldest first: from the directory's change to the decision that gave it, and to the one that ended it. */
  readonly because: readonly Step[];
  readonly endedBecause: readonly Step[];
  /** What decided: revisions of code, and of mappings and policies. */
  readonly revisions?: Revisions | undefined;
}

/**
 * @param id `<user>/<role>@<target>`
 * @throws AnswerError when the trail knows no such user, or nothing about that role
 */
export async function whyGrant(records: TrailRecords, id: string, at: Date | undefined): Promise<GrantWhy> {
  const named = readGrantId(id);
  if (named === undefined)
    throw new AnswerError('unknown', `${JSON.stringify(id)} is no grant: give <user>/<role>@<target> as "who" shows it`);
  const principal = await findPrincipal(records, named.user);
  const known = await recordsOf(records, principal);
  const key = roleKey(named);
  const time = at?.toISOString();
  const periods = holdings(known.values()).filter((holding) => roleKey(holding) === key && (time === undefined || holding.since <= time));
  const denied = lastDenial(known, key, time);
  const last = periods.at(-1);
  if (last === undefined && denied === undefined) {
    const others = [...new Set(holdings(known.values()).map((holding) => `${holding.role}@${holding.target}`))];
    const hint = others.length === 0 ? 'it has and had no role' : `it has or had ${others.join(', ')}`;
    throw new AnswerError(
      'unknown',
      `no record says that ${shortName(principal.subject)} was given or denied ${named.role}@${named.target}: ${hint}`,
    );
  }
  await readCauses(records, known);
  const [grant] = last === undefined ? [] : grantRows([last], known, time);
  const isDenied = denied !== undefined && (last === undefined || (!isHeldAt(last, time) && denied.at >= (last.until ?? '')));
  const decision = known.get((last && !isHeldAt(last, time) ? last.endedBy : last?.givenBy) ?? denied?.event ?? '');
  return {
    id,
    state: isDenied || grant === undefined ? 'denied' : grant.state,
    grant,
    earlier: periods.slice(0, -1).map(({ since, until }) => ({ since, until })),
    denied,
    because: last === undefined ? steps(denied?.event, known) : steps(last.givenBy, known),
    endedBecause: last === undefined || isHeldAt(last, time) ? [] : steps(last.endedBy, known),
    ...(decision === undefined ? {} : { revisions: decision.unmapped.revisions }),
  };
}

function lastDenial(known: ById, key: string, time: string | undefined): ToldDenial | undefined {
  const all = [...known.values()].flatMap((record): ToldDenial[] => {
    if (!isOf(record, 'AccessDenied', 'AccessViolationFound')) return [];
    const { type, change, times } = record.unmapped;
    const denial = type === 'AccessDenied' ? change : change.denial;
    return roleKey(denial) === key ? [{ event: record.metadata.uid, at: times.detectedAt, denial }] : [];
  });
  const until = time === undefined ? all : all.filter((one) => one.at <= time);
  return until.sort((one, other) => (one.at < other.at ? -1 : 1)).at(-1);
}

/** From the first cause to the event, oldest first. */
function steps(event: string | undefined, known: ById): readonly Step[] {
  const record = event === undefined ? undefined : known.get(event);
  return record === undefined ? [] : stepsTo(record, known);
}

export function stepsTo(record: ChainedRecord, known: ReadonlyMap<string, ChainedRecord>): readonly Step[] {
  const chain = chainOf(record, known);
  const beyond = missingCause(chain);
  return [
    ...chain.map((one) => ({
      ...{ event: one.metadata.uid, at: one.unmapped.times.occurredAt, what: `${whatHappened(one)}${byText(one)}` },
      ...{ by: doneBy(one), recorded: true },
    })),
    ...(beyond === undefined ? [] : [{ event: beyond.id, at: beyond.occurredAt ?? beyond.detectedAt, what: beyond.type, recorded: false }]),
  ].reverse();
}

export interface EventWhy {
  readonly event: string;
  readonly type: string;
  readonly what: string;
  /** Whether it denies, fails or holds something back. */
  readonly refused: boolean;
  readonly gives: readonly Grant[];
  readonly takes: readonly Grant[];
  readonly denial?: Denial | undefined;
  readonly because: readonly Step[];
  readonly revisions: Revisions;
}

/** @param id of an event, or how it begins. @throws AnswerError when there is none, or more than one */
export async function whyEvent(records: TrailRecords, id: string): Promise<EventWhy> {
  const record = await findRecord(records, id);
  const known: ById = new Map([[record.metadata.uid, record]]);
  await readCauses(records, known);
  const { metadata, unmapped, status_id } = record;
  return {
    event: metadata.uid,
    type: unmapped.type,
    what: whatHappened(record),
    refused: status_id === 2 || isOf(record, 'AccessViolationFound', 'RevocationStaged'),
    ...grantsOf(record),
    because: stepsTo(record, known),
    revisions: unmapped.revisions,
  };
}

function grantsOf(record: ChainedRecord): Pick<EventWhy, 'gives' | 'takes' | 'denial'> {
  const { change } = record.unmapped as EventRecord<'AccessDecided'>['unmapped'];
  if (isOf(record, 'AccessDecided')) return { gives: change.granted, takes: change.revoked };
  if (isOf(record, 'RoleGranted')) return { gives: [record.unmapped.change.grant], takes: [] };
  if (isOf(record, 'RoleRevoked')) return { gives: [], takes: [record.unmapped.change.grant] };
  if (isOf(record, 'AccessEnded')) return { gives: [], takes: record.unmapped.change.ended };
  if (isOf(record, 'AccessDenied')) return { gives: [], takes: [], denial: record.unmapped.change };
  if (isOf(record, 'AccessViolationFound')) {
    const { grant, denial, outcome } = record.unmapped.change;
    return { gives: [], takes: outcome === 'revoked' ? [grant] : [], denial };
  }
  return { gives: [], takes: [] };
}

/** The record of an event. @param id of the event, or how it begins. @throws AnswerError when there is none, or more than one */
export async function findRecord(records: TrailRecords, id: string): Promise<ChainedRecord> {
  const found: ChainedRecord[] = [];
  for await (const record of records.read({ begins: id, where: ({ metadata }) => metadata.uid.startsWith(id) })) found.push(record);
  const exact = found.find(({ metadata }) => metadata.uid === id);
  const [one, another] = found;
  if (exact !== undefined) return exact;
  if (one === undefined)
    throw new AnswerError('unknown', `no record is of an event ${JSON.stringify(id)}: give an id that "changes" shows`);
  if (another === undefined) return one;
  const listed = found.slice(0, 10).map((record) => `  ${record.metadata.uid}  ${whatHappened(record)}`);
  throw new AnswerError('ambiguous', `${found.length} events begin with ${JSON.stringify(id)}: give more of the id\n${listed.join('\n')}`);
}
