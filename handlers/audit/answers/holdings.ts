/**
 * Who held which role from when until when: folded from the records of decisions and of what was done at targets. Pure.
 *
 * A decision tells all that its principal holds, and since when, so the fold needs no beginning: what was given before the first record that
 * is there is known by the first decision after it.
 */
import type { Grant } from '../../events/catalogue.ts';
import type { ChainedRecord } from '../audit-record.ts';
import { type EventRecord, isOf } from './event-record.ts';
import { Names, type Principal, principalKey } from './principals.ts';

/** One period in which a principal held a role. Times are ISO 8601. */
export interface Holding extends Principal {
  readonly role: string;
  readonly target: string;
  readonly since: string;
  /** Undefined: it is held. */
  readonly until?: string | undefined;
  /** The grant as decisions told it, oldest first: path and policies change while it is held. Never empty. */
  readonly told: readonly Told[];
  /** Ids of the decisions that gave and ended it; undefined where they are not in the records. */
  readonly givenBy?: string | undefined;
  readonly endedBy?: string | undefined;
  /** What was done at the target, oldest first. */
  readonly moves: readonly Move[];
}

export interface Told {
  readonly at: string;
  readonly grant: Grant;
}

export interface Move {
  readonly at: string;
  readonly done: 'given' | 'taken';
  /** Id of the event. */
  readonly by: string;
}

/** `decided`: not seen at the target; `ending`: not yet taken away there; `violates`: held, and a policy is against it. */
export type HoldingState = 'held' | 'decided' | 'violates' | 'ending' | 'ended';

/** The decisions' key of a grant: role names differ by more than their letters' case. */
export const roleKey = ({ role, target }: Pick<Grant, 'role' | 'target'>): string => `${target}/${role.toLowerCase()}`;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] extends readonly (infer One)[] ? One[] : T[Key] };
type Open = Mutable<Holding>;

/** @param records those of the principals in question, in any order; others than decisions and changes at targets are passed over */
export function holdings(records: Iterable<ChainedRecord>): readonly Holding[] {
  const decisions: EventRecord<'AccessDecided' | 'AccessViolationFound'>[] = [];
  const changes: EventRecord<'RoleGranted' | 'RoleRevoked' | 'AccessEnded'>[] = [];
  const names = new Names();
  for (const record of records) {
    names.note(record);
    if (isOf(record, 'AccessDecided', 'AccessViolationFound')) decisions.push(record);
    else if (isOf(record, 'RoleGranted', 'RoleRevoked', 'AccessEnded')) changes.push(record);
  }
  const all: Open[] = [];
  for (const own of Map.groupBy(decisions, ({ unmapped: { domain, subject } }) => principalKey(domain, subject.guid)).values())
    all.push(...ofPrincipal(own));
  addMoves(all, changes);
  return called(all, names).sort(inOrder);
}

/** Holdings with the names that their principals have by now. */
export const called = (all: readonly Holding[], names: Names): Holding[] =>
  all.map((holding) => ({ ...holding, subject: names.of(principalKey(holding.domain, holding.subject.guid)) ?? holding.subject }));

const inOrder = (one: Holding, other: Holding): number =>
  compare(one.since, other.since) || compare(roleKey(one), roleKey(other)) || compare(one.subject.guid, other.subject.guid);
const compare = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/** Decisions for one principal have growing revisions, whichever writer recorded them. */
function ofPrincipal(decisions: readonly EventRecord<'AccessDecided' | 'AccessViolationFound'>[]): readonly Open[] {
  const all: Open[] = [];
  const open = new Map<string, Open>();
  const inTurn = [...decisions].sort((one, other) => one.unmapped.revision - other.unmapped.revision);
  for (const { metadata, unmapped } of inTurn) {
    const { domain, subject, times } = unmapped;
    const at = times.detectedAt;
    const told = (grant: Grant) => {
      const key = roleKey(grant);
      let holding = open.get(key);
      if (holding !== undefined && holding.since !== grant.since) {
        end(holding, at, metadata.uid);
        holding = undefined;
      }
      if (holding === undefined) {
        const { role, target, since } = grant;
        holding = { domain, subject, role, target, since, told: [], moves: [] };
        all.push(holding);
        open.set(key, holding);
      }
      if (!isSame(holding.told.at(-1)?.grant, grant)) holding.told.push({ at, grant });
    };
    const end = (holding: Open, until: string, by: string) => {
      holding.until = until;
      holding.endedBy = by;
      open.delete(roleKey(holding));
    };
    if (unmapped.type === 'AccessViolationFound') {
      // What it takes away is in the decision of the same revision.
      if (unmapped.change.outcome === 'reported') told(unmapped.change.grant);
      continue;
    }
    const { holds, granted, revoked } = unmapped.change;
    for (const grant of [...revoked, ...holds]) told(grant);
    const held = new Set(holds.map(roleKey));
    for (const holding of [...open.values()]) if (!held.has(roleKey(holding))) end(holding, at, metadata.uid);
    for (const grant of granted) {
      const holding = open.get(roleKey(grant));
      if (holding) holding.givenBy = metadata.uid;
    }
  }
  return all;
}

const isSame = (one: Grant | undefined, other: Grant): boolean => JSON.stringify(one) === JSON.stringify(other);

function addMoves(all: readonly Open[], changes: readonly EventRecord<'RoleGranted' | 'RoleRevoked' | 'AccessEnded'>[]): void {
  const key = (domain: string, guid: string, grant: Pick<Grant, 'role' | 'target' | 'since'>) =>
    `${principalKey(domain, guid)}/${roleKey(grant)}/${grant.since}`;
  const byKey = new Map(all.map((holding) => [key(holding.domain, holding.subject.guid, holding), holding]));
  for (const { metadata, unmapped } of changes) {
    const { domain, subject, times, type } = unmapped;
    // Of an account that was gone by itself only the end of all its access tells.
    for (const grant of type === 'AccessEnded' ? unmapped.change.ended : [unmapped.change.grant]) {
      const moves = byKey.get(key(domain, subject.guid, grant))?.moves;
      moves?.push({ at: times.detectedAt, done: type === 'RoleGranted' ? 'given' : 'taken', by: metadata.uid });
    }
  }
  for (const holding of all) {
    const moves = holding.moves.sort((one, other) => compare(one.at, other.at) || compare(other.done, one.done));
    holding.moves = moves.filter(({ done }, index) => done === 'given' || moves[index - 1]?.done !== 'taken');
  }
}

/** Whether it was held then. @param at ISO 8601; undefined: now */
export const isHeldAt = ({ since, until }: Holding, at?: string): boolean =>
  at === undefined ? until === undefined : since <= at && (until === undefined || at < until);

/** The grant as it was told then; before the first record, as it was told first. */
export function grantAt({ told }: Holding, at?: string): Grant {
  const known = at === undefined ? told.at(-1) : told.findLast((one) => one.at <= at);
  return (known ?? (told[0] as Told)).grant;
}

/** What it was then. @param at ISO 8601; undefined: now */
export function stateAt(holding: Holding, at?: string): HoldingState {
  const moves = at === undefined ? holding.moves : holding.moves.filter((move) => move.at <= at);
  const last = moves.at(-1)?.done;
  if (!isHeldAt(holding, at)) return last === 'given' ? 'ending' : 'ended';
  if (grantAt(holding, at).violates !== undefined) return 'violates';
  // Where the decision that gave it is not in the records, neither is what was done then.
  return last === 'given' || (last === undefined && holding.givenBy === undefined) ? 'held' : 'decided';
}
