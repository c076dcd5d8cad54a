/** From a page of changes to rows of the mirror: pure, and idempotent. A page applied twice writes nothing the second time. */
import { isDeepStrictEqual } from 'node:util';
import type { ObjectType } from '../events/catalogue.ts';
import { type ChangedObject, capturedAttributes } from './directory-source.ts';
import {
  type EdgeRow,
  edgeKey,
  groupsListing,
  isEdgeRow,
  isObjectRow,
  type MirrorRow,
  membersListing,
  type ObjectRow,
  objectKey,
  type RowKey,
  type SnapshotCounts,
  subjectOf,
} from './mirror.ts';
import type { ObjectReference } from './object-identity.ts';

export interface PageContext {
  readonly domain: string;
  readonly fence: number;
  /** When the page was read, ISO 8601. */
  readonly detectedAt: string;
  /** The page belongs to the first snapshot. */
  readonly snapshot: boolean;
}

/** Seconds for which tombstones stay: the default tombstone lifetime of a forest, 180 days (MS-ADTS section 7.1.1.2.4.1.1). */
const tombstoneSeconds = 180 * 24 * 3600;

/** A delta of an object that the mirror does not hold: what did not change is unknown, so a full sync has to bring the whole object. */
export class MirrorIncompleteError extends Error {
  override readonly name = 'MirrorIncompleteError';
}

export const isTombstone = (object: ChangedObject): boolean => object.attributes.isDeleted?.[0]?.toUpperCase() === 'TRUE';

/**
 * Deleted and restored between two polls: `isDeleted` was cleared, and no tombstone was seen. A full sync brings objects whole, with their
 * class; there the mark may be years old.
 */
const isRevived = (object: ChangedObject): boolean =>
  object.attributes.isDeleted?.length === 0 && object.attributes.objectClass === undefined;

/** Whether memberships end with this change though AD reports none of them: those of a deleted object, a later restoration included. */
export const endsMemberships = (object: ChangedObject): boolean => isTombstone(object) || isRevived(object);

/** The rows that `applyPage` compares with, besides the memberships of what a page deletes. */
export function keysOf(objects: readonly ChangedObject[], domain: string): readonly RowKey[] {
  return objects.flatMap((object) => [
    objectKey(domain, object.guid),
    ...[...object.membersAdded, ...object.membersRemoved].map((member) => edgeKey(domain, member.guid, object.guid)),
  ]);
}

/** What a page of the first snapshot adds to its counts. */
export function countsOf(objects: readonly ChangedObject[]): SnapshotCounts {
  const living = objects.filter((object) => !isTombstone(object));
  return {
    users: living.filter((object) => typeOf(object) === 'user').length,
    groups: living.filter((object) => typeOf(object) === 'group').length,
    memberships: living.reduce((sum, object) => sum + object.membersAdded.length, 0),
  };
}

/**
 * The rows to write so that the mirror shows the page.
 *
 * @param existing rows under `keysOf`, and every membership of the objects for which `endsMemberships` holds
 * @throws MirrorIncompleteError when a delta comes for an object that the mirror does not hold
 */
export function applyPage(objects: readonly ChangedObject[], existing: readonly MirrorRow[], context: PageContext): readonly MirrorRow[] {
  const rows = new Map<string, MirrorRow>(existing.map((row) => [keyText(row), row]));
  const changed = new Map<string, MirrorRow>();
  const put = (row: MirrorRow | undefined) => {
    if (row === undefined) return;
    rows.set(keyText(row), row);
    changed.set(keyText(row), row);
  };
  const joinedHere = new Set(
    objects.flatMap((object) => object.membersAdded.map((member) => keyText(edgeKey(context.domain, member.guid, object.guid)))),
  );
  for (const object of objects) {
    const old = objectAt(rows, objectKey(context.domain, object.guid));
    if (isTombstone(object)) {
      if (old === undefined) continue;
      if (!old.deleted)
        put({ ...stamp(old, context), deleted: true, stripped: clearedBy(object), listedUnder: undefined, expiresAt: expiry(context) });
      // Also where the object's row already says deleted: a poll that ended between the two writes left them.
      for (const edge of edgesOf(old, rows)) put(ended(edge, context));
      continue;
    }
    const row = merged(object, old, context);
    if (old === undefined || differs(old, row)) put(row);
    if (isRevived(object)) {
      for (const edge of edgesOf(row, rows)) if (!joinedHere.has(keyText(edge))) put(ended(edge, context));
    }
    for (const member of object.membersAdded) put(joined(row, member, rows, context));
    for (const member of object.membersRemoved) put(left(row, member, rows, context));
  }
  // One step of revision a page, also for a row that the page touches twice: the write's condition counts on it.
  const before = new Map(existing.map((row) => [keyText(row), row.revision]));
  return [...changed].map(([key, row]) => ({ ...row, revision: (before.get(key) ?? 0) + 1 }));
}

function merged(object: ChangedObject, old: ObjectRow | undefined, context: PageContext): ObjectRow {
  const type = typeOf(object) ?? old?.type;
  if (type === undefined) {
    throw new MirrorIncompleteError(
      `a change of ${object.guid} ("${object.dn}") came, but the mirror does not hold it: a full sync brings it`,
    );
  }
  const attributes: Record<string, readonly string[]> = { ...old?.attributes };
  if (old?.deleted) for (const name of old.stripped ?? []) delete attributes[name];
  for (const [name, values] of Object.entries(object.attributes)) {
    if (!mirrored.has(name)) continue;
    if (values.length === 0) delete attributes[name];
    else attributes[name] = values;
  }
  return {
    ...stamp(old, context),
    ...objectKey(context.domain, object.guid),
    guid: object.guid,
    sid: object.sid ?? old?.sid,
    type,
    dn: object.dn === '' ? (old?.dn ?? '') : object.dn,
    attributes,
    deleted: false,
    stripped: undefined,
    listedUnder: type === 'group' ? groupsListing(context.domain) : undefined,
    expiresAt: undefined,
  };
}

/** Attributes that a row holds. The others of a page steer the merge, stand elsewhere in the row, or came unasked (parentGUID, instanceType). */
const mirrored: ReadonlySet<string> = new Set(
  capturedAttributes.filter((name) => !['objectGUID', 'objectSid', 'objectClass', 'isDeleted', 'member'].includes(name)),
);

/** What a deletion cleared, as its tombstone says. */
const clearedBy = (object: ChangedObject): readonly string[] => [...mirrored].filter((name) => object.attributes[name]?.length === 0);

function joined(
  group: ObjectRow,
  member: ObjectReference,
  rows: ReadonlyMap<string, MirrorRow>,
  context: PageContext,
): EdgeRow | undefined {
  const key = edgeKey(context.domain, member.guid, group.guid);
  const old = edgeAt(rows, key);
  if (old?.present) return undefined;
  return {
    ...stamp(old, context),
    ...key,
    group: subjectOf(group),
    member,
    present: true,
    listedUnder: membersListing(context.domain, group.guid),
    expiresAt: undefined,
  };
}

function left(group: ObjectRow, member: ObjectReference, rows: ReadonlyMap<string, MirrorRow>, context: PageContext): EdgeRow | undefined {
  const old = edgeAt(rows, edgeKey(context.domain, member.guid, group.guid));
  // A full sync also lists removals of long ago: what the mirror does not show as present ended before we looked.
  if (!old?.present) return undefined;
  return ended({ ...old, group: subjectOf(group) }, context);
}

const ended = (edge: EdgeRow, context: PageContext): EdgeRow => ({
  ...edge,
  ...stamp(edge, context),
  present: false,
  listedUnder: undefined,
  expiresAt: expiry(context),
});

/** The memberships that end with an object: those it has, and those others have in it. AD reports none of them. */
function edgesOf(object: ObjectRow, rows: ReadonlyMap<string, MirrorRow>): readonly EdgeRow[] {
  return [...rows.values()].filter(
    (row): row is EdgeRow => isEdgeRow(row) && row.present && (row.member.guid === object.guid || row.group.guid === object.guid),
  );
}

function objectAt(rows: ReadonlyMap<string, MirrorRow>, key: RowKey): ObjectRow | undefined {
  const row = rows.get(keyText(key));
  return row !== undefined && isObjectRow(row) ? row : undefined;
}

function edgeAt(rows: ReadonlyMap<string, MirrorRow>, key: RowKey): EdgeRow | undefined {
  const row = rows.get(keyText(key));
  return row !== undefined && isEdgeRow(row) ? row : undefined;
}

function stamp<T extends MirrorRow>(old: T | undefined, context: PageContext) {
  return {
    ...(old as T),
    domain: context.domain,
    revision: (old?.revision ?? 0) + 1,
    fence: context.fence,
    detectedAt: context.detectedAt,
    snapshot: context.snapshot && old === undefined ? true : undefined,
  };
}

/** Whether two images of a row differ in more than their stamps. */
function differs(old: ObjectRow, row: ObjectRow): boolean {
  const substance = ({ sid, type, dn, attributes, deleted }: ObjectRow) => ({ sid, type, dn, attributes, deleted });
  return !isDeepStrictEqual(substance(old), substance(row));
}

function typeOf(object: ChangedObject): ObjectType | undefined {
  const classes = object.attributes.objectClass?.map((name) => name.toLowerCase()) ?? [];
  if (classes.includes('computer')) return 'computer';
  if (classes.includes('user')) return 'user';
  if (classes.includes('group')) return 'group';
  return undefined;
}

const expiry = (context: PageContext): number => Math.floor(Date.parse(context.detectedAt) / 1000) + tombstoneSeconds;
const keyText = ({ pk, sk }: RowKey): string => `${pk}\n${sk}`;
