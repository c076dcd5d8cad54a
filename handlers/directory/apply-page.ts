/** From a page of changes to rows of the mirror: pure, and idempotent. A page applied twice writes nothing the second time. */
import { isDeepStrictEqual } from 'node:util';
import type { ObjectType, Subject } from '../events/catalogue.ts';
import type { ObjectReference } from '../platform/object-identity.ts';
import { type AccountClock, accountState } from './account-state.ts';
import type { ChangedObject } from './directory-source.ts';
import { namingContextOf } from './distinguished-name.ts';
import {
  type EdgeRow,
  edgeKey,
  groupsListing,
  isAccount,
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
import { isInScope, type Scope } from './scope.ts';
import type { HintsAbout } from './security-log/hint-index.ts';

export interface PageContext extends AccountClock {
  readonly domain: string;
  readonly fence: number;
  /** When the page was read, ISO 8601. */
  readonly detectedAt: string;
  /** The page belongs to the first snapshot. */
  readonly snapshot: boolean;
  /** The attributes that rows hold. */
  readonly mirrored: ReadonlySet<string>;
  /** Of these, what a full sync brings for the first time. @default none */
  readonly learning?: readonly string[];
  readonly scope: Scope;
  /** The groups that the scope names, as the directory knows them now. */
  readonly scopeGroups: readonly Subject[];
  /** A group of the scope cannot be found: who is known stays where it is, as absence takes no access. @default false */
  readonly scopeUnknown?: boolean;
  /** Primary groups by SID, for all that the page names. */
  readonly primaryGroups: ReadonlyMap<string, Subject>;
  /** What the Security log said of an object, or of a member of a group. @default nothing */
  readonly hints?: HintsAbout;
}

/** Seconds for which tombstones stay: the default tombstone lifetime of a forest, 180 days (MS-ADTS section 6.1.1.2.4.1.1). */
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
export const isRevived = (object: ChangedObject): boolean =>
  object.attributes.isDeleted?.length === 0 && object.attributes.objectClass === undefined;

/** Whether memberships end with this change though AD reports none of them: those of a deleted object, a later restoration included. */
export const endsMemberships = (object: ChangedObject): boolean => isTombstone(object) || isRevived(object);

/** The SID of a primary group: that of the account with primaryGroupID as its last part (MS-SAMR section 3.1.1.8.2). */
export function primaryGroupSid(object: ObjectReference, primaryGroupId: string | undefined): string | undefined {
  return object.sid === undefined || primaryGroupId === undefined ? undefined : object.sid.replace(/-\d+$/, `-${primaryGroupId}`);
}

/** The rows that `applyPage` compares with, besides the memberships of what a page deletes and the primary groups that accounts leave. */
export function keysOf(
  objects: readonly ChangedObject[],
  context: Pick<PageContext, 'domain' | 'scopeGroups' | 'primaryGroups'>,
): readonly RowKey[] {
  const { domain, scopeGroups, primaryGroups } = context;
  const scoping = new Set(scopeGroups.map(({ guid }) => guid));
  return objects.flatMap((object) => {
    const primary = primaryGroups.get(primaryGroupSid(object, object.attributes.primaryGroupID?.[0]) ?? '');
    const members = [...object.membersAdded, ...object.membersRemoved];
    return [
      objectKey(domain, object.guid),
      ...members.map((member) => edgeKey(domain, member.guid, object.guid)),
      // Joining or leaving a group of the scope takes its member into the scope or out of it; other groups of the scope may hold it there.
      ...(scoping.has(object.guid) ? members.map((member) => objectKey(domain, member.guid)) : []),
      ...[object, ...(scoping.has(object.guid) ? members : [])].flatMap(({ guid }) =>
        scopeGroups.map((group) => edgeKey(domain, guid, group.guid)),
      ),
      // The group itself too: whether it is in scope decides what is told of it.
      ...(primary === undefined ? [] : [edgeKey(domain, object.guid, primary.guid), objectKey(domain, primary.guid)]),
    ];
  });
}

/** The memberships by primary group that accounts leave with this page: to be read beside `keysOf`. */
export function primaryEdgesLeft(objects: readonly ChangedObject[], existing: readonly MirrorRow[], domain: string): readonly RowKey[] {
  const changing = new Set(objects.filter(({ attributes }) => attributes.primaryGroupID !== undefined).map(({ guid }) => guid));
  return existing.filter(isObjectRow).flatMap(({ guid, primaryGroup }) => {
    if (primaryGroup === undefined || !changing.has(guid)) return [];
    return [edgeKey(domain, guid, primaryGroup), objectKey(domain, primaryGroup)];
  });
}

export const noCounts: SnapshotCounts = { users: 0, computers: 0, serviceAccounts: 0, groups: 0, memberships: 0 };

/** What a page of the first snapshot adds to its counts. */
export function countsOf(objects: readonly ChangedObject[], before: SnapshotCounts): SnapshotCounts {
  const counts = { ...before };
  for (const object of objects) {
    if (isTombstone(object)) continue;
    counts.memberships += object.membersAdded.length;
    const type = typeOf(object);
    if (type === 'user') counts.users += 1;
    else if (type === 'computer') counts.computers += 1;
    else if (type === 'serviceAccount') counts.serviceAccounts += 1;
    else if (type === 'group') counts.groups += 1;
  }
  return counts;
}

/**
 * The rows to write so that the mirror shows the page.
 *
 * @param existing rows under `keysOf` and `primaryEdgesLeft`, and every membership of the objects for which `endsMemberships` holds
 * @throws MirrorIncompleteError when a delta comes for an object that the mirror does not hold
 */
export function applyPage(objects: readonly ChangedObject[], existing: readonly MirrorRow[], context: PageContext): readonly MirrorRow[] {
  const page = new PageOfRows(existing, context);
  // Its values of `member` are lost, except those it was given since, which the page says below; its primary group is an attribute of its own.
  for (const object of objects.filter(isRevived)) for (const edge of page.edgesOf(object.guid)) page.leave(edge);
  for (const object of objects) {
    const old = page.object(object.guid);
    if (isTombstone(object)) {
      if (old === undefined) continue;
      if (!old.deleted) page.put(buried(object, old, context));
      // Also where the object's row already says deleted: a poll that ended between the two writes left them.
      for (const edge of page.edgesOf(old.guid)) page.end(edge, expiry(context.detectedAt));
      continue;
    }
    if (old?.deleted && object.attributes.isDeleted === undefined && object.attributes.objectClass === undefined) {
      // What vanished can be seen again, and nobody says how it is now.
      if (old.vanished) throw new MirrorIncompleteError(`${object.guid} ("${object.dn}") had vanished and changed: a full sync brings it`);
      // A controller that has not heard of a deletion yet may still change the object; only `isDeleted` or a full read brings it back.
      continue;
    }
    const row = page.scoped(merged(object, old, context));
    if (old === undefined || differs(old, row)) page.put(row);
    page.members(row, object);
    if (object.attributes.primaryGroupID !== undefined) page.primaryGroup(row, old);
  }
  page.scopeMembers(objects);
  return page.changed();
}

/** The account states of time passing: those of these rows that changed. */
export function applyTime(rows: readonly ObjectRow[], context: PageContext): readonly ObjectRow[] {
  return rows.flatMap((old) => {
    if (old.deleted) return [];
    const row = { ...stamp(old, context), ...accountState(old, context), hints: undefined, learned: undefined };
    return differs(old, row) ? [row] : [];
  });
}

/** The rows that a page sees and those it changes. */
class PageOfRows {
  readonly #rows: Map<string, MirrorRow>;
  readonly #before: ReadonlyMap<string, MirrorRow>;
  readonly #changed = new Map<string, MirrorRow>();
  readonly #context: PageContext;
  readonly #namingContext: string;
  #edges: Map<string, Set<string>> | undefined;

  constructor(existing: readonly MirrorRow[], context: PageContext) {
    this.#rows = new Map(existing.map((row) => [keyText(row), row]));
    this.#before = new Map(this.#rows);
    this.#context = context;
    this.#namingContext = namingContextOf(context.domain);
  }

  object(guid: string): ObjectRow | undefined {
    const row = this.#rows.get(keyText(objectKey(this.#context.domain, guid)));
    return row !== undefined && isObjectRow(row) ? row : undefined;
  }

  put(row: MirrorRow): void {
    const key = keyText(row);
    this.#rows.set(key, row);
    this.#changed.set(key, row);
    if (this.#edges !== undefined && isEdgeRow(row)) this.#index(key, row);
  }

  /** The values of `member` that came and went. */
  members(row: ObjectRow, { membersAdded, membersRemoved }: ChangedObject): void {
    if (membersAdded.length + membersRemoved.length === 0) return;
    const group = subjectOf(row);
    for (const member of membersAdded) this.#join(group, row.outOfScope, member, 'direct', true);
    for (const member of membersRemoved) this.#join(group, row.outOfScope, member, 'direct', false);
  }

  primaryGroup(account: ObjectRow, old: ObjectRow | undefined): void {
    const sid = primaryGroupSid(account, account.attributes.primaryGroupID?.[0]);
    const group = sid === undefined ? undefined : this.#context.primaryGroups.get(sid);
    const member = { guid: account.guid, ...(account.sid === undefined ? {} : { sid: account.sid }), dn: account.dn };
    if (group !== undefined) this.#join(group, undefined, member, 'primary', true);
    const left = old?.primaryGroup;
    if (left === undefined || left === group?.guid) return;
    const edge = this.#edge(member.guid, left);
    const was = this.object(left);
    if (edge !== undefined) this.#join(was ? subjectOf(was) : edge.group, was ? was.outOfScope : edge.untold, member, 'primary', false);
  }

  /** Its value of `member` is gone; a primary group stays. */
  leave({ group, untold, member }: EdgeRow): void {
    this.#join(group, untold, member, 'direct', false);
  }

  /** @param expiresAt of both ends still there never: one that begins anew has to go on counting, or its events would repeat old ids */
  end(edge: EdgeRow, expiresAt?: number): void {
    const { hints } = this.#context;
    this.put({
      ...stamp(edge, this.#context),
      untold: this.#untold(edge.group, edge.untold),
      ...{ direct: false, primary: false, present: false, listedUnder: undefined, expiresAt },
      hints: hints?.(edge.group, edge.member),
      // An end that is not told stays listed: whoever hears that the group left the scope looks at this member too.
      ...(this.#untold(edge.group, edge.untold) ? { listedUnder: edge.listedUnder } : {}),
    });
  }

  /** The memberships that end with an object: those it has, and those others have in it. AD reports none of them. */
  edgesOf(guid: string): readonly EdgeRow[] {
    if (this.#edges === undefined) {
      this.#edges = new Map();
      for (const [key, row] of this.#rows) if (isEdgeRow(row)) this.#index(key, row);
    }
    return [...(this.#edges.get(guid) ?? [])].flatMap((key) => {
      const row = this.#rows.get(key);
      return row !== undefined && isEdgeRow(row) && row.present ? [row] : [];
    });
  }

  /** What the scope says of an object depends on its memberships too. */
  scoped(row: ObjectRow): ObjectRow {
    if (row.deleted || !(isAccount(row) || row.type === 'group')) return row;
    const { scope, scopeGroups, scopeUnknown } = this.#context;
    if (scopeUnknown && row.revision > 1) return row;
    // Who is new may be in the excluded group that nobody can see (invariant 7).
    if (scopeUnknown && scope.exclude?.groups !== undefined) return { ...row, outOfScope: true };
    const groups = scopeGroups.filter((group) => this.#edge(row.guid, group.guid)?.present);
    const outOfScope = isInScope(scope, { dn: row.dn, attributes: row.attributes, groups }) ? undefined : true;
    return row.outOfScope === outOfScope ? row : { ...row, outOfScope };
  }

  /**
   * Settles the scope of those who joined or left one of its groups. Of all that the page names, not only of memberships that changed: a
   * poll that ended between the two writes left the member as it was.
   */
  scopeMembers(objects: readonly ChangedObject[]): void {
    const context = this.#context;
    const scoping = new Set(context.scopeGroups.map(({ guid }) => guid));
    if (scoping.size === 0) return;
    const named = objects.flatMap(({ guid, membersAdded, membersRemoved }) => [
      guid,
      ...(scoping.has(guid) ? [...membersAdded, ...membersRemoved].map((member) => member.guid) : []),
    ]);
    for (const guid of new Set(named)) {
      const member = this.object(guid);
      if (member === undefined || member.deleted) continue;
      const settled = this.scoped(member);
      if (settled.outOfScope === member.outOfScope) continue;
      const here = this.#changed.has(keyText(member));
      this.put({
        ...stamp(settled, context),
        // Within the first snapshot nothing is told, in whatever order its pages come.
        snapshot: context.snapshot || undefined,
        ...(here ? {} : { learned: undefined, hints: undefined }),
      });
    }
  }

  /**
   * One step of revision a page, also for a row that the page touches twice: the write's condition counts on it. What ended as it began,
   * a membership that changed its way twice, is no change.
   */
  changed(): readonly MirrorRow[] {
    return [...this.#changed].flatMap(([key, row]) => {
      const before = this.#before.get(key);
      if (before !== undefined && !differs(before, row)) return [];
      const revision = (before?.revision ?? 0) + 1;
      return row.revision === revision ? [row] : [{ ...row, revision }];
    });
  }

  #index(key: string, edge: EdgeRow): void {
    for (const end of [edge.member.guid, edge.group.guid]) {
      const keys = this.#edges?.get(end) ?? new Set();
      this.#edges?.set(end, keys.add(key));
    }
  }

  /** Whether nothing of a group's members is told: by its row where the page knows it, as the scope may have changed since. */
  #untold(group: Subject, otherwise: true | undefined): true | undefined {
    const row = this.object(group.guid);
    return row === undefined ? otherwise : row.outOfScope;
  }

  #edge(member: string, group: string): EdgeRow | undefined {
    const row = this.#rows.get(keyText(edgeKey(this.#context.domain, member, group)));
    return row !== undefined && isEdgeRow(row) ? row : undefined;
  }

  #join(group: Subject, untold: true | undefined, member: ObjectReference, way: 'direct' | 'primary', there: boolean): void {
    const context = this.#context;
    const old = this.#edge(member.guid, group.guid);
    // A full sync also lists removals of long ago: what the mirror does not show as present ended before we looked.
    if ((old?.[way] ?? false) === there) return;
    const ways = { direct: old?.direct ?? false, primary: old?.primary ?? false, [way]: there };
    const present = ways.direct || ways.primary;
    if (old !== undefined && !present) {
      this.end({ ...old, group, member, untold });
      return;
    }
    const { domain } = context;
    this.put({
      ...stamp(old, context),
      ...edgeKey(domain, member.guid, group.guid),
      group,
      member,
      ...ways,
      present,
      // Under its own SID a member from elsewhere finds the groups that it has here.
      sid: member.sid !== undefined && isForeign(member.dn, this.#namingContext) ? member.sid : undefined,
      untold: this.#untold(group, untold),
      listedUnder: membersListing(domain, group.guid),
      expiresAt: undefined,
      hints: context.hints?.(group, member),
    });
  }
}

function merged(object: ChangedObject, old: ObjectRow | undefined, context: PageContext): ObjectRow {
  // AdminSDHolder is a container; what its descriptor is read for makes it more.
  const type = old?.type === 'adminSDHolder' ? old.type : (typeOf(object) ?? old?.type);
  if (type === undefined) {
    throw new MirrorIncompleteError(
      `a change of ${object.guid} ("${object.dn}") came, but the mirror does not hold it: a full sync brings it`,
    );
  }
  const attributes: Record<string, readonly string[]> = { ...old?.attributes };
  if (old?.deleted) for (const name of old.stripped ?? []) delete attributes[name];
  for (const [name, values] of Object.entries(object.attributes)) {
    if (!context.mirrored.has(name)) continue;
    if (values.length === 0) delete attributes[name];
    else attributes[name] = values;
  }
  const sid = object.sid ?? old?.sid;
  const primary = context.primaryGroups.get(primaryGroupSid({ ...object, sid }, object.attributes.primaryGroupID?.[0]) ?? '');
  const row: ObjectRow = {
    ...stamp(old, context),
    ...objectKey(context.domain, object.guid),
    guid: object.guid,
    sid,
    type,
    dn: object.dn === '' ? (old?.dn ?? '') : object.dn,
    attributes,
    deleted: false,
    vanished: undefined,
    stripped: undefined,
    appliesTo: appliesTo(object, old),
    primaryGroup: object.attributes.primaryGroupID === undefined ? old?.primaryGroup : primary?.guid,
    learned: old === undefined ? undefined : learnedBy(object, old, context),
    listedUnder: type === 'group' ? groupsListing(context.domain) : undefined,
    expiresAt: undefined,
    hints: context.hints?.(object),
  };
  return isAccount(row) ? { ...row, ...accountState(row, context) } : row;
}

/** A tombstone: what the object was stays for whoever asks later, except what the deletion cleared and says so. */
function buried(object: ChangedObject, old: ObjectRow, context: PageContext): ObjectRow {
  return {
    ...old,
    ...stamp(old, context),
    deleted: true,
    vanished: object.vanished || undefined,
    stripped: [...context.mirrored].filter((name) => object.attributes[name]?.length === 0),
    listedUnder: undefined,
    dueUnder: undefined,
    dueAt: undefined,
    expired: undefined,
    lockedOut: undefined,
    primaryGroup: undefined,
    learned: undefined,
    expiresAt: expiry(context.detectedAt),
    hints: context.hints?.(old),
  };
}

function appliesTo(
  { appliesToAdded = [], appliesToRemoved = [] }: ChangedObject,
  old: ObjectRow | undefined,
): readonly string[] | undefined {
  if (appliesToAdded.length + appliesToRemoved.length === 0) return old?.appliesTo;
  const now = new Map((old?.appliesTo ?? []).map((text) => [text.slice(0, guidLength), text]));
  for (const { guid, dn } of appliesToAdded) now.set(guid, `${guid} ${dn}`);
  for (const { guid } of appliesToRemoved) now.delete(guid);
  return now.size === 0 ? undefined : withinItem([...now.values()].sort());
}

/** Bytes of a policy's list that a row holds, of DynamoDB's 400 KB. A longer list goes without names, and a far longer one ends. */
const listBytes = 200_000;

function withinItem(references: readonly string[]): readonly string[] {
  const bytes = references.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  return bytes <= listBytes ? references : references.slice(0, listBytes / guidLength).map((text) => text.slice(0, guidLength));
}

const guidLength = 36;

/** The attributes that we only did not ask for before. */
function learnedBy(object: ChangedObject, old: ObjectRow, { learning = [] }: PageContext): readonly string[] | undefined {
  const names = learning.filter((name) => object.attributes[name]?.length && old.attributes[name] === undefined);
  return names.length > 0 ? names : undefined;
}

/** Whether a name lies elsewhere than in the domain. A member without a name is not known to. */
function isForeign(dn: string, namingContext: string): boolean {
  if (dn === '') return false;
  // A foreign security principal: its own object, which tells whom it stands for, may be one that we may not read.
  if (/^CN=S-1-/i.test(dn)) return true;
  const suffix = `,${namingContext}`;
  if (dn.length < suffix.length || dn.slice(-suffix.length).toLowerCase() !== suffix.toLowerCase()) return true;
  // A child domain's name ends with its parent's.
  return /,DC=[^,]+$/i.test(dn.slice(0, -suffix.length));
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

/** Whether two images of a row differ in more than their stamps. A full sync asks it of every object. */
function differs(old: MirrorRow, row: MirrorRow): boolean {
  if (isEdgeRow(old) && isEdgeRow(row)) return old.direct !== row.direct || old.primary !== row.primary || old.present !== row.present;
  if (!isObjectRow(old) || !isObjectRow(row)) return !isDeepStrictEqual(old, row);
  return substance.some((name) => old[name] !== row[name]) || !sameLists(old, row) || !sameAttributes(old.attributes, row.attributes);
}

/** What of an object's row is more than a stamp, besides its lists. */
const substance = ['sid', 'type', 'dn', 'deleted', 'expired', 'lockedOut', 'dueAt', 'primaryGroup', 'outOfScope'] as const;

const sameLists = (old: ObjectRow, row: ObjectRow): boolean =>
  old.appliesTo === row.appliesTo || isDeepStrictEqual(old.appliesTo, row.appliesTo);

function sameAttributes(old: ObjectRow['attributes'], now: ObjectRow['attributes']): boolean {
  const names = Object.keys(now);
  return names.length === Object.keys(old).length && names.every((name) => sameValues(old[name], now[name]));
}

const sameValues = (old: readonly string[] | undefined, now: readonly string[] | undefined): boolean =>
  old === now || (old !== undefined && old.length === now?.length && old.every((value, index) => value === now[index]));

function typeOf(object: ChangedObject): ObjectType | undefined {
  const classes = new Set(object.attributes.objectClass?.map((name) => name.toLowerCase()));
  return types.find(([name]) => classes.has(name))?.[1];
}

/** By objectClass, the most special first: a managed service account is a computer, a computer a user, a policy object a container. */
const types: readonly (readonly [string, ObjectType])[] = [
  ['msds-groupmanagedserviceaccount', 'serviceAccount'],
  ['msds-managedserviceaccount', 'serviceAccount'],
  ['computer', 'computer'],
  ['user', 'user'],
  ['group', 'group'],
  ['foreignsecurityprincipal', 'foreignSecurityPrincipal'],
  ['adminsdholder', 'adminSDHolder'],
  ['msds-passwordsettings', 'passwordSettings'],
  ['grouppolicycontainer', 'groupPolicy'],
  ['organizationalunit', 'organizationalUnit'],
  ['domaindns', 'domain'],
  ['container', 'container'],
];

const expiry = (detectedAt: string): number => Math.floor(Date.parse(detectedAt) / 1000) + tombstoneSeconds;
const keyText = ({ pk, sk }: RowKey): string => `${pk}\n${sk}`;
