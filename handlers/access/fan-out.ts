/**
 * Who is affected by a change of a group: all users who are effectively below it, each once. What each of them is effectively a member of is
 * read anew when it is decided on, so a listing that lags behind (it is an index) does no harm: a membership that it does not show yet has an
 * event of its own, and one that it still shows costs a look.
 */
import { isEdgeRow, isObjectRow, type Mirror, membersListing, type ObjectRow, objectKey, type RowKey } from '../directory/mirror.ts';
import { isPrincipal, type PrincipalReader } from '../directory/principals.ts';
import { eachLimited } from '../platform/dynamodb.ts';

export interface ObjectName {
  readonly domain: string;
  readonly guid: string;
}

export type FanOutReader = PrincipalReader & Pick<Mirror, 'list'>;

/** Groups, or stand-ins, that are asked about at once. */
const width = 4;
/** Members whose rows are held at once: those of a group of 50,000 would fill the function's memory. */
const stretch = 1_600;

/**
 * The users below these groups, at any depth, of all watched domains.
 *
 * @param groups whatever they convey themselves by now: they may just have ceased to
 */
export async function usersBelow(mirror: FanOutReader, groups: readonly ObjectName[]): Promise<readonly ObjectName[]> {
  const users: ObjectName[] = [];
  const known = new Set<string>();
  const isNew = (pk: string): boolean => !known.has(pk) && known.add(pk).has(pk);
  let level = groups.filter(({ domain, guid }) => isNew(objectKey(domain, guid).pk));
  while (level.length > 0) {
    const below: ObjectName[] = [];
    await eachLimited(level, width, async (group) => {
      const members = (await mirror.list(membersListing(group.domain, group.guid))).filter(({ pk }) => isNew(pk));
      for (let start = 0; start < members.length; start += stretch) {
        const { here, elsewhere } = await meantBy(mirror, members.slice(start, start + stretch));
        for (const { type, domain, guid } of [...here, ...elsewhere.filter(({ pk }) => isNew(pk))]) {
          (type === 'user' ? users : below).push({ domain, guid });
        }
      }
    });
    level = below;
  }
  return users;
}

const standIn = 'foreignSecurityPrincipal';

/** The rows of the users and groups that memberships mean: of the group's own domain, and of others where a stand-in is the member. */
async function meantBy(
  mirror: FanOutReader,
  memberships: readonly RowKey[],
): Promise<{ readonly here: readonly ObjectRow[]; readonly elsewhere: readonly ObjectRow[] }> {
  const rows = (await mirror.read(memberships.map(({ pk }) => ({ pk, sk: 'object' })))).filter(isObjectRow);
  const [here, standIns] = [rows.filter(({ type }) => type !== standIn), rows.filter(({ type }) => type === standIn)];
  const known = new Set(here.map(({ pk }) => pk));
  // The membership tells the SID also of one whose own object is not here, or may not be read.
  const strangers = (await mirror.read(memberships.filter(({ pk }) => !known.has(pk)))).filter(isEdgeRow);
  const sids = new Set([...standIns, ...strangers.map(({ member }) => member)].flatMap(({ sid }) => sid ?? []));
  const keys: RowKey[] = [];
  await eachLimited([...sids], width, async (sid) => void keys.push(...(await mirror.listBySid(sid))));
  const elsewhere = (await mirror.read(keys.filter(({ sk }) => sk === 'object'))).filter(isObjectRow);
  return { here: here.filter(isPrincipal), elsewhere: elsewhere.filter(isPrincipal) };
}
