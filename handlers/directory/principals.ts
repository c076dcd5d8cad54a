/**
 * Who is meant, and what groups they are in, across the watched domains. A member from another forest stands in a group as a foreign
 * security principal, an object of its own with the member's SID (MS-ADTS section 6.1.1.4.10); one from another domain of the same forest
 * stands there under its own GUID, without an object in this domain. Either way the SID leads to the user.
 */
import { isEdgeRow, isObjectRow, type Mirror, type ObjectRow, objectKey, type RowKey } from './mirror.ts';

type Reader = Pick<Mirror, 'read' | 'readPartition' | 'listBySid'>;

export interface Principal {
  readonly domain: string;
  readonly guid: string;
  /** Partition in which it was met: its memberships are there, whether or not the index shows them yet. */
  readonly seenAt: string;
}

/** The users that an object or a member value means: itself, or those of other domains with its SID. */
export async function principalsOf(mirror: Reader, domain: string, guid: string): Promise<readonly Principal[]> {
  const { pk: seenAt } = objectKey(domain, guid);
  const partition = await mirror.readPartition(seenAt);
  const own = partition.find(isObjectRow);
  if (own?.type === 'user') return [{ domain, guid, seenAt }];
  if (own !== undefined && own.type !== 'foreignSecurityPrincipal') return [];
  // A membership may come before its stand-in's own row, which raises no event.
  const sid = own?.sid ?? partition.find(isEdgeRow)?.member.sid;
  if (sid === undefined) return [];
  const users = (await mirror.read(await mirror.listBySid(sid))).filter(isObjectRow).filter(({ type }) => type === 'user');
  return users.map((user) => ({ domain: user.domain, guid: user.guid, seenAt }));
}

/** A user's row and the groups that it is a direct member of, in its own domain and in the others. */
export async function readPrincipal(
  mirror: Reader,
  domain: string,
  guid: string,
  seenAt: string,
): Promise<{ readonly principal: ObjectRow | undefined; readonly groups: readonly ObjectRow[] }> {
  const own = objectKey(domain, guid).pk;
  const partition = await mirror.readPartition(own);
  const principal = partition.find(isObjectRow);
  const standIns = principal?.sid === undefined ? [] : (await mirror.listBySid(principal.sid)).filter(({ pk }) => pk !== own);
  // Two domains that give one SID to an account of theirs: one of them is forged or a copy, and nobody can tell which (invariant 7). What AD
  // does about it between forests is SID filtering (MS-PAC section 4.1.2.2).
  const namesakes = (await mirror.read(standIns.filter(({ sk }) => sk === 'object')))
    .filter(isObjectRow)
    .filter(({ type, deleted }) => type !== 'foreignSecurityPrincipal' && !deleted);
  const elsewhere = namesakes.length > 0 ? [] : [...new Set([seenAt, ...standIns.map(({ pk }) => pk)])].filter((pk) => pk !== own);
  const rows = [...partition, ...(await Promise.all(elsewhere.map((pk) => mirror.readPartition(pk)))).flat()];
  const keys: RowKey[] = rows.filter(isEdgeRow).flatMap((edge) => (edge.present ? [objectKey(edge.domain, edge.group.guid)] : []));
  const groups = keys.length === 0 ? [] : (await mirror.read(keys)).filter(isObjectRow);
  return { principal, groups };
}
