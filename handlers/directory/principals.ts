/**
 * Who is meant, and what groups they are in, directly and through other groups, across the watched domains. A member from another forest
 * stands in a group as a foreign security principal, an object of its own with the member's SID (MS-ADTS section 6.1.1.4.10); one from
 * another domain of the same forest stands there under its own GUID, without an object in this domain. Either way the SID leads to the user
 * or group that is meant.
 */
import { mapLimited } from '../platform/dynamodb.ts';
import {
  firstValue,
  isEdgeRow,
  isObjectRow,
  isStatusRow,
  type Mirror,
  type MirrorRow,
  type ObjectRow,
  objectKey,
  statusKey,
} from './mirror.ts';

export type PrincipalReader = Pick<Mirror, 'read' | 'readPartition' | 'listBySid'>;

export interface Principal {
  readonly domain: string;
  readonly guid: string;
  readonly type: 'user' | 'group';
  /** Partition in which it was met: its memberships are there, whether or not the index shows them yet. */
  readonly seenAt: string;
}

/** A group that a principal is effectively a member of, and how. */
export interface EffectiveGroup {
  readonly row: ObjectRow;
  /** The groups from the principal's direct group to the one before this: a shortest way. Empty: a direct member. */
  readonly path: readonly ObjectRow[];
}

/** Partitions that are read at once. */
const width = 16;

/**
 * Whether a group passes on what it is a member of: it lives, is in scope, and is one for security. In AD only groups with
 * GROUP_TYPE_SECURITY_ENABLED count for authorization (MS-SAMR section 2.2.1.11), at every step of the nesting. Where groupType was not read, a group is taken
 * for what nearly all are; a value that is no number makes it none (invariant 7).
 */
export function conveys(row: ObjectRow): boolean {
  if (row.type !== 'group' || row.deleted || row.outOfScope) return false;
  const groupType = firstValue(row, 'groupType') ?? '-2147483648';
  return /^-?\d+$/.test(groupType) && (Number(groupType) & 0x8000_0000) !== 0;
}

/** Who can be a principal of access: users, and groups that pass it on to users. */
export const isPrincipal = (row: ObjectRow): row is ObjectRow & { readonly type: Principal['type'] } => row.type === 'user' || conveys(row);

/** The mirror of these domains alone. A domain that is not watched any more is not heard, and where there is one nobody comes from elsewhere. */
export function watchedDomains<T extends PrincipalReader>(mirror: T, domains: readonly string[]): T {
  const watched = (pk: string) => domains.some((domain) => pk.startsWith(`${domain}#`));
  const listBySid = async (sid: string) => (domains.length < 2 ? [] : (await mirror.listBySid(sid)).filter(({ pk }) => watched(pk)));
  return { ...mirror, listBySid };
}

/**
 * Whether the first read of a directory has come to its end. Until then nobody knows who is in which group, and what follows from it: who is
 * excluded, or still a member.
 */
export async function isCompletelyRead(mirror: Pick<Mirror, 'read'>, domain: string): Promise<boolean> {
  return (await mirror.read([statusKey(domain)])).filter(isStatusRow).some(({ snapshotCompleted }) => snapshotCompleted !== undefined);
}

/** The users and groups that an object or a member value means: itself, or those of other domains with its SID. */
export async function principalsOf(mirror: PrincipalReader, domain: string, guid: string): Promise<readonly Principal[]> {
  const { pk: seenAt } = objectKey(domain, guid);
  const partition = await mirror.readPartition(seenAt);
  const own = partition.find(isObjectRow);
  const sid = own === undefined || own.type === 'foreignSecurityPrincipal' ? standsFor(partition) : undefined;
  const meant = sid === undefined ? (own ? [own] : []) : (await mirror.read(await mirror.listBySid(sid))).filter(isObjectRow);
  return meant.filter(isPrincipal).map((row) => ({ domain: row.domain, guid: row.guid, type: row.type, seenAt }));
}

/** The SID of whom a stand-in's partition means. A membership may come before its stand-in's own row, which raises no event. */
const standsFor = (partition: readonly MirrorRow[]): string | undefined =>
  partition.find(isObjectRow)?.sid ?? partition.find(isEdgeRow)?.member.sid;

/**
 * A user's row and the groups that it is effectively a member of, in its own domain and in the others: each once, however many ways lead
 * there, those nearest first. A group of which the mirror holds nothing gives nothing and leads nowhere.
 *
 * @param seenAt partition in which the user, or a group that it is below, was met
 */
export async function readPrincipal(
  mirror: PrincipalReader,
  domain: string,
  guid: string,
  seenAt: string,
): Promise<{ readonly principal: ObjectRow | undefined; readonly groups: readonly EffectiveGroup[] }> {
  const { pk: own } = objectKey(domain, guid);
  const partition = await mirror.readPartition(own);
  const principal = partition.find(isObjectRow);
  if (principal === undefined) return { principal, groups: [] };
  const met: StandIn | undefined = seenAt === own ? undefined : { pk: seenAt, sid: standsFor(await mirror.readPartition(seenAt)) };

  const groups: EffectiveGroup[] = [];
  const reached = new Set<string>();
  let level: readonly Step[] = [{ row: principal, partition, onward: [] }];
  while (level.length > 0) {
    const ways = (await mapLimited(level, width, (step) => waysUp(mirror, step, met))).flat();
    const fresh = ways.filter(({ pk }) => !reached.has(pk) && reached.add(pk));
    const found = (await mapLimited(fresh, width, ({ pk, path }) => groupAt(mirror, pk, path))).flat();
    groups.push(...found.map(({ row, path }) => ({ row, path })));
    level = found;
  }
  return { principal, groups };
}

interface StandIn {
  readonly pk: string;
  readonly sid: string | undefined;
}

/** The user, or a group above it. */
interface Step {
  readonly row: ObjectRow;
  readonly partition: readonly MirrorRow[];
  /** The path of what this one is a member of. */
  readonly onward: readonly ObjectRow[];
}

/** A group as the table is asked for it. */
interface Way {
  readonly pk: string;
  readonly path: readonly ObjectRow[];
}

/** The groups that a user or group is a member of, in its own domain and in the others. */
async function waysUp(mirror: PrincipalReader, { row, partition, onward }: Step, met: StandIn | undefined): Promise<readonly Way[]> {
  const elsewhere = await standInsOf(mirror, row, met);
  const rows = [...partition, ...(await Promise.all(elsewhere.map((pk) => mirror.readPartition(pk)))).flat()];
  const memberships = rows.filter(isEdgeRow).filter(({ present }) => present);
  // In one order whatever the table's: of several shortest ways it is always the same that is told.
  return memberships.map((edge) => ({ pk: objectKey(edge.domain, edge.group.guid).pk, path: onward })).sort(byKey);
}

const byKey = (one: Way, other: Way): number => (one.pk < other.pk ? -1 : 1);

/** A group with its own memberships, by one consistent query. None when it gives nothing. */
async function groupAt(mirror: PrincipalReader, pk: string, path: readonly ObjectRow[]): Promise<readonly (Step & EffectiveGroup)[]> {
  const partition = await mirror.readPartition(pk);
  const row = partition.find(isObjectRow);
  return row !== undefined && conveys(row) ? [{ row, path, partition, onward: [...path, row] }] : [];
}

/** Partitions of what stands for a user or group in other domains. */
async function standInsOf(mirror: PrincipalReader, { pk: own, sid }: ObjectRow, met: StandIn | undefined): Promise<readonly string[]> {
  if (sid === undefined) return [];
  const keys = (await mirror.listBySid(sid)).filter(({ pk }) => pk !== own);
  // Two domains that give one SID to an account of theirs: one of them is forged or a copy, and nobody can tell which (invariant 7). What AD
  // does about it between forests is SID filtering (MS-PAC section 4.1.2.2). The groups of CN=Builtin have one SID in every domain.
  const namesakes = (await mirror.read(keys.filter(({ sk }) => sk === 'object')))
    .filter(isObjectRow)
    .filter(({ type, deleted }) => type !== 'foreignSecurityPrincipal' && !deleted);
  if (namesakes.length > 0) return [];
  return [...new Set([...keys.map(({ pk }) => pk), ...(met?.sid === sid ? [met.pk] : [])])];
}
