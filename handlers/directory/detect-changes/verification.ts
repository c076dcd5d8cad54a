/**
 * A pass over every row of the mirror: does the directory still hold what it says? It heals what differs, and finds what is gone without
 * a trace: after a full sync, and regularly where deletions are not shown to us.
 *
 * Nothing is deleted because it is absent (invariant 3). An object is gone when a complete read did not show it and a look-up by its GUID
 * says so, a membership when the group's list shows others and not it. What is gone is written at the end of the pass, after a second
 * look-up, and within the guard (invariant 6).
 */
import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../../platform/log.ts';
import type { CaptureSettings } from '../capture-settings.ts';
import {
  type ChangedObject,
  type DirectorySource,
  type FoundObject,
  identityAttributes,
  type MemberState,
  securityDescriptorText,
} from '../directory-source.ts';
import { parentName } from '../distinguished-name.ts';
import {
  type Cursor,
  type EdgeRow,
  type GoneCount,
  type GoneFrom,
  isEdgeRow,
  isObjectRow,
  type Mirror,
  type MirrorRow,
  membershipMark,
  type ObjectRow,
  type RowKey,
  type Verification,
} from '../mirror.ts';
import type { DirectoryStatus } from './directory-status.ts';
import type { PageReader, PollContext } from './page-rows.ts';

export interface VerificationDependencies {
  readonly domain: string;
  readonly settings: CaptureSettings;
  readonly mirror: Mirror;
  readonly source: DirectorySource;
  readonly reader: PageReader;
  readonly context: PollContext;
  readonly status: DirectoryStatus;
  readonly log: Log;
  readonly now: () => Date;
  /** Since when this controller is read, ISO 8601; undefined when no other one was before. */
  readonly readHereSince: string | undefined;
  readonly remainingMs: () => number;
  readonly write: (rows: readonly MirrorRow[]) => Promise<void>;
}

/** A poll gives verification so long, so that changes do not wait behind it; the next poll takes it up. */
const sliceMs = 15_000;

/** How long a person has to approve what the guard holds back. */
const approvalMs = 24 * 3600 * 1000;

/** For how long the guard remembers what it let through. */
const windowMs = 24 * 3600 * 1000;

/** Few deletions are no share of anything: in a small directory ten are always let through. */
const always = 10;

const nothing: GoneCount = { objects: 0, memberships: 0 };
/** Who approved that memberships end did not approve that people go. */
const isWithin = (count: GoneCount, most: GoneCount): boolean => count.objects <= most.objects && count.memberships <= most.memberships;
const total = ({ objects, memberships }: GoneCount): number => objects + memberships;

export const beginVerification = (cursor: Cursor, startedAt: string, run: string | undefined): Cursor => ({
  ...cursor,
  verification: { startedAt, run, after: undefined, verified: 0, gone: [], goneCount: nothing, unproven: 0, approved: undefined },
});

/** Whether a pass is due. With replication rights every deletion comes as a tombstone, so that only a full sync asks for one. */
export function verificationDue(cursor: Cursor, settings: CaptureSettings, now: Date): boolean {
  if (settings.mode !== 'object-security' || cursor.snapshot !== undefined || cursor.heldBack !== undefined) return false;
  const last = cursor.verifiedAt ?? cursor.polledAt;
  return (
    cursor.verifiedAt === undefined || last === undefined || now.getTime() - Date.parse(last) >= settings.verifyEveryHours * 3600 * 1000
  );
}

/** Goes on with a pass for as long as there is time. @returns the cursor, with the pass in it or at its end */
export async function verify(cursor: Cursor, deps: VerificationDependencies): Promise<Cursor> {
  let pass = cursor.verification;
  if (pass === undefined) return cursor;
  const seen = await completeRead(pass.run, deps);
  const until = deps.now().getTime() + sliceMs;
  do {
    const { rows, after } = await deps.mirror.scan(deps.domain, pass.after);
    pass = await verifyRows(rows, { ...pass, after }, seen, deps);
    if (after === undefined) return await concluded({ ...cursor, verification: undefined }, pass, deps);
  } while (deps.now().getTime() < until && deps.remainingMs() > 0);
  deps.log.info('VERIFICATION_CONTINUES', { domain: deps.domain, verified: pass.verified });
  return { ...cursor, verification: pass };
}

/** Changes reach another site every three hours by default (MS-ADTS section 6.1.1.2.2.3.1), and may take several hops. */
const replicationMs = 12 * 3600 * 1000;

/**
 * The rows of which this controller can be asked. What another one told shortly before we came here may not have reached it: its answer would
 * be older than the row, and the change is not sent again, as the cookie says that we have it.
 */
function settled<T extends MirrorRow>(rows: readonly T[], { readHereSince: since }: VerificationDependencies): readonly T[] {
  if (since === undefined) return rows;
  const from = new Date(Date.parse(since) - replicationMs).toISOString();
  return rows.filter(({ detectedAt }) => detectedAt < from || detectedAt >= since);
}

async function verifyRows(
  scanned: readonly MirrorRow[],
  pass: Verification,
  seen: CompleteRead | undefined,
  deps: VerificationDependencies,
): Promise<Verification> {
  const rows = settled(scanned, deps);
  const objects = rows.filter(isObjectRow).filter(({ deleted }) => !deleted);
  const vanished = rows.filter(isObjectRow).filter(({ deleted }) => deleted);
  const edges = rows.filter(isEdgeRow).filter(({ direct }) => direct);
  const guids = [...new Set([...[...objects, ...vanished].map(({ guid }) => guid), ...edges.map(({ member }) => member.guid)])];
  const found = new Map((await deps.source.lookUp(guids)).map((object) => [object.guid, object]));

  const gone: MirrorRow[] = [];
  for (const row of objects) {
    // AdminSDHolder is a row of ours, read in a way of its own.
    if (found.has(row.guid) || row.type === 'adminSDHolder') continue;
    if (await isGone(row, seen, deps.source)) gone.push(row);
  }
  let unproven = 0;
  for (const edge of edges) {
    if (found.get(edge.member.guid)?.memberOf.includes(edge.group.guid)) continue;
    const state = await membershipOf(edge, seen, deps);
    if (state === 'gone') gone.push(edge);
    if (state === 'unproven') unproven += 1;
  }
  const cleared = await clearedAttributes(objects, found, deps.source);
  const healing = objects.flatMap((row) => difference(row, found.get(row.guid), cleared.get(row.guid)) ?? []);
  // What was only hidden comes back as what was deleted by mistake does: whole, with its memberships.
  const returned = vanished.flatMap(({ guid }) => {
    const object = found.get(guid);
    return object === undefined ? [] : [change(guid, object.dn, { isDeleted: [] })];
  });
  await deps.write(await deps.reader.rows([...healing, ...returned], deps.context, deps.now()));

  const goneCount = {
    objects: pass.goneCount.objects + gone.filter(isObjectRow).length,
    memberships: pass.goneCount.memberships + gone.filter(isEdgeRow).length,
  };
  const counted = { ...pass, verified: pass.verified + objects.length + edges.length, goneCount, unproven: pass.unproven + unproven };
  // What a person approved is done as it is found, as long as it is not more than that.
  if (pass.approved !== undefined && isWithin(goneCount, pass.approved)) {
    await bury(gone, deps);
    return counted;
  }
  return { ...counted, gone: [...pass.gone, ...gone.map(({ pk, sk }) => ({ pk, sk }))].slice(0, deps.settings.guard.most + 1) };
}

/** What a full sync saw. What came by a delta since it began was seen too. */
interface CompleteRead {
  readonly run: string;
  readonly marks: ReadonlySet<string>;
}

async function completeRead(run: string | undefined, { mirror, domain }: VerificationDependencies): Promise<CompleteRead | undefined> {
  return run === undefined ? undefined : { run, marks: await mirror.seen(domain, run) };
}

const wasSeen = (mark: string, read: CompleteRead | undefined): boolean => read?.marks.has(mark) ?? false;

async function isGone(row: ObjectRow, read: CompleteRead | undefined, source: DirectorySource): Promise<boolean> {
  const existence = await source.existence(row.guid);
  // A tombstone proves it. Silence does only where the complete read did not show the object either: a look-up sees no more than we may.
  return existence === 'deleted' || (existence === 'none' && !wasSeen(row.guid, read));
}

/**
 * Of a list without members a look-up proves nothing. A complete read with the replication right does: it is not subject to what we may
 * read (MS-ADTS section 3.1.1.3.4.1.3; Samba's is), and it would have shown the member.
 */
async function membershipOf(
  edge: EdgeRow,
  read: CompleteRead | undefined,
  { source, settings }: Pick<VerificationDependencies, 'source' | 'settings'>,
): Promise<MemberState> {
  if (wasSeen(membershipMark(edge.group.guid, edge.member.guid), read)) return 'there';
  const state = await source.memberState(edge.group.guid, edge.member.guid);
  return state === 'unproven' && settings.mode === 'replication' && read?.marks.has(edge.group.guid) ? 'gone' : state;
}

/** Attributes whose value may end: the others are mandatory, or would give access if they only became unreadable. */
const clearable = (name: string): boolean =>
  name === 'userPrincipalName' ||
  name === 'lockoutTime' ||
  !(['groupType', securityDescriptorText, ...identityAttributes] as readonly string[]).includes(name);

/** Attributes that the mirror holds and the directory says have no value any more, by GUID. */
async function clearedAttributes(
  rows: readonly ObjectRow[],
  found: ReadonlyMap<string, FoundObject>,
  source: DirectorySource,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const missing = new Map<string, string[]>();
  for (const row of rows) {
    const shown = found.get(row.guid)?.attributes;
    if (shown === undefined) continue;
    for (const name of Object.keys(row.attributes)) {
      if (clearable(name) && !shown[name]?.length) missing.set(name, [...(missing.get(name) ?? []), row.guid]);
    }
  }
  const cleared = new Map<string, string[]>();
  for (const [name, guids] of missing) {
    for (const guid of await source.withoutValue(guids, name)) cleared.set(guid, [...(cleared.get(guid) ?? []), name]);
  }
  return cleared;
}

/** What the directory says otherwise of a living object, as a change; undefined when it says the same. */
function difference(row: ObjectRow, found: FoundObject | undefined, cleared: readonly string[] = []): ChangedObject | undefined {
  if (found === undefined || row.type === 'adminSDHolder') return undefined;
  const attributes: Record<string, readonly string[]> = Object.fromEntries(cleared.map((name) => [name, []]));
  for (const [name, values] of Object.entries(found.attributes)) {
    // A value that is missing may be one that we may not read: only a clearing that was proven counts.
    if (values.length === 0 || name === 'objectClass' || name === 'isDeleted') continue;
    if (!sameValues(values, row.attributes[name])) attributes[name] = values;
  }
  if (Object.keys(attributes).length === 0 && found.dn === row.dn) return undefined;
  return { ...change(row.guid, found.dn, attributes), ...(found.sid === undefined ? {} : { sid: found.sid }) };
}

/** Values have no order. */
const sameValues = (values: readonly string[], others: readonly string[] = []): boolean =>
  isDeepStrictEqual([...values].sort(), [...others].sort());

/** The end of a pass: what is gone is written, or held back. */
async function concluded(cursor: Cursor, pass: Verification, deps: VerificationDependencies): Promise<Cursor> {
  const { domain, settings, log } = deps;
  const { most, share } = settings.guard;
  const verifiedAt = deps.now().toISOString();
  const done = { ...cursor, verifiedAt };
  const before =
    cursor.letThrough && Date.parse(verifiedAt) - Date.parse(cursor.letThrough.since) < windowMs ? cursor.letThrough : undefined;
  // Of the whole window: a right that is lost bit by bit must not delete everybody in many small passes (invariant 6).
  const count = total(pass.goneCount) + (before?.count ?? 0);
  const report = { domain, verified: pass.verified, gone: pass.goneCount, unproven: pass.unproven };
  if (pass.gone.length === 0) {
    log.info('VERIFIED', report);
    return done;
  }
  if (count > most || (count > always && count > share * pass.verified)) {
    const approval = approvalOf(pass.gone, pass.startedAt);
    const expiresAt = new Date(Date.parse(verifiedAt) + approvalMs).toISOString();
    const rows = await deps.mirror.read(pass.gone);
    const from = lostFrom(rows);
    await deps.status.guardTripped({ approval, gone: pass.goneCount, from, verified: pass.verified, most, share, expiresAt });
    log.error('GUARD_TRIPPED', { ...report, from, first: rows.slice(0, shownRows).map(nameOf), approval, most, share, expiresAt });
    return { ...done, heldBack: { approval, run: pass.run, gone: pass.goneCount, expiresAt } };
  }
  const rows = await deps.mirror.read(pass.gone);
  await bury(await stillGone(rows, pass, deps), deps);
  log.info('VERIFIED', report);
  return { ...done, letThrough: { since: before?.since ?? verifiedAt, count } };
}

/** Containers and rows of what is gone that are shown to who has to decide. */
const shownContainers = 10;
const shownRows = 20;

const nameOf = (row: MirrorRow): string => (isObjectRow(row) ? row.dn : isEdgeRow(row) ? `${row.member.dn} in ${row.group.dn}` : row.pk);

function lostFrom(rows: readonly MirrorRow[]): readonly GoneFrom[] {
  const containers = Map.groupBy(rows, (row) => (isEdgeRow(row) ? row.group.dn : parentName(nameOf(row))));
  const counted = [...containers].map(([container, of]) => ({ container, count: of.length }));
  return counted.sort((one, other) => other.count - one.count).slice(0, shownContainers);
}

/** A pass takes its time: what came back meanwhile stays. */
async function stillGone(rows: readonly MirrorRow[], { run }: Verification, deps: VerificationDependencies): Promise<readonly MirrorRow[]> {
  const seen = await completeRead(run, deps);
  const gone: MirrorRow[] = [];
  for (const row of settled(rows, deps)) {
    if (isObjectRow(row) && !row.deleted && (await isGone(row, seen, deps.source))) gone.push(row);
    if (isEdgeRow(row) && row.direct && (await membershipOf(row, seen, deps)) === 'gone') gone.push(row);
  }
  return gone;
}

/** Writes what is gone as the changes that nobody showed us: tombstones, and members who left. */
async function bury(rows: readonly MirrorRow[], deps: VerificationDependencies): Promise<void> {
  const tombstones = rows.filter(isObjectRow).map((row) => ({ ...change(row.guid, row.dn, { isDeleted: ['TRUE'] }), vanished: true }));
  const byGroup = Map.groupBy(rows.filter(isEdgeRow), ({ group }) => group.guid);
  const left = [...byGroup].map(([guid, edges]: [string, EdgeRow[]]) => ({
    // Without a name, so that the group keeps the one it has.
    ...change(guid, '', {}),
    membersRemoved: edges.map(({ member }) => member),
  }));
  await deps.write(await deps.reader.rows([...left, ...tombstones], deps.context, deps.now()));
}

const change = (guid: string, dn: string, attributes: Record<string, readonly string[]>): ChangedObject => ({
  guid,
  dn,
  attributes,
  membersAdded: [],
  membersRemoved: [],
});

const approvalOf = (gone: readonly RowKey[], startedAt: string): string =>
  createHash('sha256')
    .update(JSON.stringify([startedAt, gone.map(({ pk, sk }) => `${pk} ${sk}`).sort()]))
    .digest('hex')
    .slice(0, 12);
