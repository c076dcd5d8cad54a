/** The way of one change: directory, event, decision, target, audit record, with the time that each hop took. From the trail alone. */
import type { Grant } from '../../events/catalogue.ts';
import type { ChainedRecord } from '../audit-record.ts';
import { AnswerError } from './answer-error.ts';
import { type ById, chainOf, mostIds, readCauses } from './causes.ts';
import { recordedFrom } from './changes.ts';
import { type EventRecord, isOf } from './event-record.ts';
import { roleKey } from './holdings.ts';
import { findPrincipal, principalKey, shortName } from './principals.ts';
import { byText, whatHappened } from './record-text.ts';
import type { TrailRecords } from './trail-records.ts';
import { byId, recordsOf } from './who.ts';
import { findRecord } from './why.ts';

export interface Hop {
  readonly hop: 'directory' | 'event' | 'decision' | 'approval' | 'target' | 'audit';
  /** ISO 8601. */
  readonly at: string;
  /** Milliseconds since the hop before; undefined for the first. */
  readonly tookMs?: number | undefined;
  /** Milliseconds until its record was written. */
  readonly recordedMs: number;
  readonly what: string;
  readonly event: string;
  readonly target?: string | undefined;
  /** Whether it failed, or holds back what was decided. */
  readonly failed: boolean;
}

export interface MissingHop {
  readonly hop: 'event' | 'decision' | 'target';
  readonly target?: string | undefined;
  /** What did not happen, and why as far as the trail tells. */
  readonly what: string;
  /** Where to look next. */
  readonly look: Look;
  /** False where it may well be that nothing was to be done. */
  readonly expected: boolean;
}

/** A place to look at, in the words of a deployment; `text` for what the trail itself says. */
export type Look =
  | { readonly function: 'decide-access' | 'record-audit' | `sync-roles-${string}` }
  | { readonly guard: string }
  | { readonly text: string };

export interface Timeline {
  readonly hops: readonly Hop[];
  readonly missing: readonly MissingHop[];
  /** From the directory's change to the last thing done; the record of it is one hop more. */
  readonly totalMs: number;
}

/** Only what concerns this principal, of a change that concerns many. */
interface Scope {
  readonly key?: string | undefined;
}

/** @param id of any event on the way, or how it begins. @throws AnswerError when there is none, or more than one */
export async function timelineOfEvent(records: TrailRecords, id: string): Promise<Timeline> {
  const record = await findRecord(records, id);
  const known: ById = new Map([[record.metadata.uid, record]]);
  await readCauses(records, known);
  const root = chainOf(record, known).at(-1) as ChainedRecord;
  const { domain, subject } = record.unmapped;
  const key = root === record || subject.type !== 'user' ? undefined : principalKey(domain, subject.guid);
  return await timelineFrom(records, root, { key });
}

/** Of a user's last change, or of all since a time. @throws AnswerError when nobody, or more than one, is called so, or there is no change */
export async function timelinesOfUser(records: TrailRecords, user: string, since: Date | undefined): Promise<readonly Timeline[]> {
  const principal = await findPrincipal(records, user);
  const key = principalKey(principal.domain, principal.subject.guid);
  const known = await recordsOf(records, principal);
  await readCauses(records, known);
  // A change of a group that the user is in is one of the user's where a decision followed.
  const roots = [...new Set([...known.values()].map((record) => chainOf(record, known).at(-1) as ChainedRecord))]
    .filter(({ time }) => since === undefined || time >= since.getTime())
    .sort((one, other) => one.time - other.time);
  const chosen = since === undefined ? roots.slice(-1) : roots;
  if (chosen.length === 0)
    throw new AnswerError(
      'unknown',
      `${shortName(principal.subject)} has not changed since ${since?.toISOString()}: give an earlier --since`,
    );
  const timelines: Timeline[] = [];
  for (const root of chosen) timelines.push(await timelineFrom(records, root, { key }));
  return timelines;
}

async function timelineFrom(records: TrailRecords, root: ChainedRecord, { key }: Scope): Promise<Timeline> {
  // Its own record may be later than those of what it led to: it came again from a dead-letter queue.
  const since = recordedFrom(new Date(root.unmapped.times.detectedAt));
  const isInScope = ({ unmapped }: ChainedRecord) => key === undefined || principalKey(unmapped.domain, unmapped.subject.guid) === key;
  const tree: ById = new Map([[root.metadata.uid, root]]);
  const follow = async (from: readonly string[]): Promise<void> => {
    for (let open = new Set(from); open.size > 0; ) {
      const where = (record: ChainedRecord) =>
        open.has(record.unmapped.cause?.id ?? '') && !tree.has(record.metadata.uid) && isInScope(record);
      const found = await byId(records.read({ since, mentions: open.size > mostIds ? undefined : [...open], where }));
      for (const [id, record] of found) tree.set(id, record);
      open = new Set(found.keys());
    }
  };
  await follow([root.metadata.uid]);
  const decisions = () => [...tree.values()].filter((record) => isOf(record, 'AccessDecided'));
  const others = await laterRecords(records, root, decisions(), since);
  const shared = decisions().length === 0 ? sharedDecision(root, [...others.values()]) : undefined;
  if (shared !== undefined) {
    tree.set(shared.metadata.uid, shared);
    await follow([shared.metadata.uid]);
  }
  const all = [...tree.values(), ...others.values()];
  const missing = [...withoutDecision(root, [...tree.values()]), ...decisions().flatMap((decision) => undone(decision, all))];
  const hops = hopsOf(
    root,
    [...tree.values()].filter((record) => record !== root),
    tree,
  );
  const done = hops.findLast(({ hop }) => hop !== 'audit')?.at ?? root.unmapped.times.detectedAt;
  return { hops, missing, totalMs: msBetween(root.unmapped.times.occurredAt, done) };
}

/**
 * Decisions read the directory as it is: of several events that one poll saw of a user, the first to come may have led to the only decision.
 * Then that is the way of the others, too.
 */
function sharedDecision({ unmapped: { times } }: ChainedRecord, others: readonly ChainedRecord[]): ChainedRecord | undefined {
  return others
    .filter((record) => isOf(record, 'AccessDecided') && record.unmapped.times.detectedAt >= times.detectedAt)
    .filter(({ unmapped: { cause } }) => cause?.detectedAt !== undefined && cause.detectedAt <= times.detectedAt)
    .sort((one, other) => one.time - other.time)[0];
}

/** All that came later for the principals concerned: a later run may have done what a decision asked for. */
async function laterRecords(
  records: TrailRecords,
  root: ChainedRecord,
  decisions: readonly ChainedRecord[],
  since: Date | undefined,
): Promise<ById> {
  const { subject, domain } = root.unmapped;
  const member = isOf(root, 'GroupMemberAdded', 'GroupMemberRemoved') ? root.unmapped.change.member.guid : undefined;
  const own = decisions.map(({ unmapped }) => unmapped.subject.guid);
  const guids = new Set([...own, ...(subject.type === 'user' ? [subject.guid] : []), ...(member === undefined ? [] : [member])]);
  if (guids.size === 0) return new Map();
  const where = ({ unmapped }: ChainedRecord) =>
    guids.has(unmapped.subject.guid) && (unmapped.domain === domain || own.includes(unmapped.subject.guid));
  return await byId(records.read({ since, mentions: guids.size > mostIds ? undefined : [...guids], where }));
}

const msBetween = (from: string, to: string): number => Date.parse(to) - Date.parse(from);

/** Hops in their order. A record's hop took the time since its cause was detected. */
function hopsOf(root: ChainedRecord, effects: readonly ChainedRecord[], tree: ReadonlyMap<string, ChainedRecord>): readonly Hop[] {
  const { times, source } = root.unmapped;
  const recordedMs = (record: ChainedRecord) => msBetween(record.unmapped.times.detectedAt, record.unmapped.times.recordedAt);
  const first = {
    what: `${whatHappened(root)}${byText(root)}`,
    event: root.metadata.uid,
    failed: root.status_id === 2,
    recordedMs: recordedMs(root),
  };
  const begins: Hop[] =
    source === 'active-directory.directory'
      ? [
          { hop: 'directory', at: times.occurredAt, ...first },
          {
            ...first,
            hop: 'event',
            at: times.detectedAt,
            tookMs: msBetween(times.occurredAt, times.detectedAt),
            what: `seen: ${root.unmapped.type}`,
          },
        ]
      : [{ ...first, hop: hopOf(root), at: times.detectedAt }];
  const follow = effects.map((record): Hop => {
    const cause = tree.get(record.unmapped.cause?.id ?? '') ?? root;
    const { detectedAt } = record.unmapped.times;
    const { target } = record.unmapped;
    return {
      hop: hopOf(record),
      at: detectedAt,
      tookMs: msBetween(cause.unmapped.times.detectedAt, detectedAt),
      recordedMs: recordedMs(record),
      what: whatHappened(record),
      event: record.metadata.uid,
      ...(target === undefined ? {} : { target }),
      failed: record.status_id === 2 || isOf(record, 'RevocationStaged', 'AccessDenied') || isOnlyReported(record),
    };
  });
  follow.sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
  const last = [root, ...effects].reduce((one, other) => (other.metadata.logged_time > one.metadata.logged_time ? other : one));
  const { detectedAt, recordedAt } = last.unmapped.times;
  const records = effects.length + 1;
  return [
    ...begins,
    ...follow,
    {
      hop: 'audit',
      at: recordedAt,
      tookMs: msBetween(detectedAt, recordedAt),
      what: records === 1 ? 'the record' : `${records} records, the last of ${last.unmapped.type}`,
      recordedMs: 0,
      event: last.metadata.uid,
      failed: false,
    },
  ];
}

/** A policy forbids it, and it goes on. */
const isOnlyReported = (record: ChainedRecord): boolean =>
  isOf(record, 'AccessViolationFound') && record.unmapped.change.outcome === 'reported';

/** By the domain that raised the event; each that is not named acts at a target. */
const hopsBySource: Readonly<Record<string, Hop['hop']>> = {
  'active-directory.directory': 'event',
  'active-directory.access': 'decision',
  'active-directory.approval': 'approval',
};
const hopOf = ({ unmapped }: ChainedRecord): Hop['hop'] => hopsBySource[unmapped.source] ?? 'target';

/** Nothing tells whether there was anything to decide. */
function withoutDecision(root: ChainedRecord, tree: readonly ChainedRecord[]): MissingHop[] {
  const { source, type } = root.unmapped;
  const decides = source === 'active-directory.directory' && /^(?:User|Group|PasswordChanged|DirectorySnapshotCompleted)/.test(type);
  if (!decides || tree.some(({ unmapped }) => unmapped.source === 'active-directory.access')) return [];
  const what = "no decision: it changes nobody's access, or decide-access has not come to it";
  return [{ hop: 'decision', what, look: { function: 'decide-access' }, expected: false }];
}

type Decision = EventRecord<'AccessDecided'>;

/** What a decision asked for and nobody told of as done. */
function undone(record: ChainedRecord, all: readonly ChainedRecord[]): readonly MissingHop[] {
  const decision = record as unknown as Decision;
  const { change, domain, subject, revision } = decision.unmapped;
  const key = principalKey(domain, subject.guid);
  const own = all.filter(({ unmapped }) => principalKey(unmapped.domain, unmapped.subject.guid) === key && unmapped.revision >= revision);
  const open = (grants: readonly Grant[], type: 'RoleGranted' | 'RoleRevoked') =>
    grants.filter((grant) => !own.some((one) => isOf(one, type) && isSame(one.unmapped.change.grant, grant)));
  const isEnded = (grant: Grant) =>
    own.some((one) => isOf(one, 'AccessEnded') && one.unmapped.change.ended.some((ended) => isSame(ended, grant)));
  return [...open(change.granted, 'RoleGranted'), ...open(change.revoked, 'RoleRevoked').filter((grant) => !isEnded(grant))].map(
    (grant): MissingHop => {
      const gives = change.granted.includes(grant);
      const undo = `${grant.role} ${gives ? 'not given' : 'not taken away'} at ${grant.target}`;
      const missing = { hop: 'target', target: grant.target, expected: true } as const;
      const staged = own.find((one) => isOf(one, 'RevocationStaged') && one.unmapped.change.target === grant.target);
      if (!gives && staged && isOf(staged, 'RevocationStaged'))
        return { ...missing, what: `${undo}: a guard holds it back`, look: { guard: staged.unmapped.change.guard } };
      const failed = own.findLast((one) => isOf(one, 'RoleChangeFailed') && one.unmapped.change.target === grant.target);
      if (failed && isOf(failed, 'RoleChangeFailed')) {
        const { reason, remedy } = failed.unmapped.change;
        return { ...missing, what: `${undo}: it failed, ${reason}`, look: { text: remedy } };
      }
      const next = own.find((one) => isOf(one, 'AccessDecided') && one.unmapped.revision > revision && reverses(one, grant, gives));
      if (next !== undefined)
        return {
          ...missing,
          what: `${undo}: a later decision wants the opposite`,
          look: { text: `event ${next.metadata.uid}` },
          expected: false,
        };
      const what = `${undo}: nothing tells of it; it is on its way, or in the dead-letter queue`;
      return { ...missing, what, look: { function: `sync-roles-${grant.target}` } };
    },
  );
}

const isSame = (one: Grant, other: Grant): boolean => roleKey(one) === roleKey(other) && one.since === other.since;

function reverses(record: ChainedRecord, grant: Grant, gives: boolean): boolean {
  const { granted, revoked } = (record as unknown as Decision).unmapped.change;
  return (gives ? revoked : granted).some((one) => roleKey(one) === roleKey(grant));
}
