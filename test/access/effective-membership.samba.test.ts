/** Effective membership against a real domain controller's own answer: the token of a user (tokenGroups), and who is below a group. */
import fc from 'fast-check';
import type { Client } from 'ldapts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { usersBelow } from '../../handlers/access/fan-out.ts';
import { firstValue } from '../../handlers/directory/mirror.ts';
import { conveys, readPrincipal } from '../../handlers/directory/principals.ts';
import { sidText } from '../../handlers/platform/object-identity.ts';
import { changeAttribute, createUser } from '../../sandbox/domain-controller/population.ts';
import { type SambaPolls, startSambaPolls } from '../directory/samba-polls.ts';

/** The same walks in every run, or those of another seed. */
const numRuns = Number(process.env.WALK_RUNS ?? 12);
const seed = Number(process.env.WALK_SEED ?? 20_250_301);

const users = ['Ada', 'Bea', 'Cy', 'Dan'];
/** Universal groups, which may be in one another in any way; the last two are for mail alone. */
const security = Array.from({ length: 7 }, (_, number) => `Group${number}`);
const mail = ['Mail0', 'Mail1'];
const groups = [...security, ...mail];

let polls: SambaPolls;
let admin: Client;
const userDn = (name: string) => `CN=${name},${polls.population.usersDn}`;
const groupDn = (name: string) => `CN=${name},${polls.population.groupsDn}`;
const dnOf = (name: string) => (users.includes(name) ? userDn(name) : groupDn(name));

beforeAll(async () => {
  polls = await startSambaPolls();
  ({ admin } = polls.population);
  for (const name of users) await createUser(admin, polls.population.usersDn, name);
  for (const name of groups) {
    const groupType = mail.includes(name) ? '8' : '-2147483640';
    await admin.add(groupDn(name), { objectClass: ['top', 'group'], sAMAccountName: name, groupType });
  }
  await polls.poll();
}, 240_000);

afterAll(async () => {
  await polls?.stop();
});

/** SIDs of the groups in a user's token, as the domain controller says. */
async function token(name: string): Promise<string[]> {
  const { searchEntries } = await admin.search(userDn(name), {
    scope: 'base',
    attributes: ['tokenGroups'],
    explicitBufferAttributes: ['tokenGroups'],
  });
  const values = searchEntries[0]?.tokenGroups ?? [];
  return [values]
    .flat()
    .map((value) => sidText(Buffer.from(value as Buffer)))
    .sort();
}

async function effective(name: string): Promise<string[]> {
  const { domain, guid, pk } = polls.row(name);
  const { groups } = await readPrincipal(polls.mirror, domain, guid, pk);
  return groups.map(({ row }) => row.sid ?? '').sort();
}

/** Users below a group, over groups of any kind: LDAP_MATCHING_RULE_TRANSITIVE_EVAL (MS-ADTS section 3.1.1.3.4.4.3) knows no difference. */
async function inChain(group: string): Promise<string[]> {
  const filter = `(&(objectCategory=person)(memberOf:1.2.840.113556.1.4.1941:=${groupDn(group)}))`;
  const { searchEntries } = await admin.search(polls.population.usersDn, { scope: 'sub', filter, attributes: ['sAMAccountName'] });
  return searchEntries.map(({ sAMAccountName }) => String(sAMAccountName)).sort();
}

async function below(group: string): Promise<string[]> {
  const found = await usersBelow(polls.mirror, [polls.row(group)]);
  return users.filter((name) => found.some(({ guid }) => guid === polls.row(name).guid));
}

/** Members of groups as they are: a pair that is there is taken out, one that is not is put in. */
async function toggle(member: string, group: string, there: Set<string>): Promise<void> {
  const pair = `${member} in ${group}`;
  await changeAttribute(admin, groupDn(group), there.has(pair) ? 'delete' : 'add', 'member', [dnOf(member)]);
  if (!there.delete(pair)) there.add(pair);
}

describe('GIVEN groups in groups at a domain controller', () => {
  test('THEN a user’s effective groups are those of its token, and primary groups and built-in ones are among them', async () => {
    const sids = await token('Ada');
    expect(sids).toContain(polls.row('Domain Users').sid);
    expect(sids).toContain('S-1-5-32-545');
    expect(await effective('Ada')).toEqual(sids);
  });

  test('WHEN memberships come and go at random THEN both say the same after every poll', { timeout: 180_000 }, async () => {
    const pairs = fc
      .tuple(fc.constantFrom(...users, ...groups, ...groups), fc.constantFrom(...groups))
      .filter(([member, group]) => member !== group);
    const walks = fc.sample(fc.array(pairs, { minLength: 3, maxLength: 10 }), { numRuns, seed });
    const there = new Set<string>();
    let [nested, throughMail] = [0, 0];
    for (const walk of walks) {
      for (const [member, group] of walk) await toggle(member, group, there);
      await polls.poll();
      for (const name of users) {
        const sids = await effective(name);
        expect(sids, `${name} in ${[...there].join(', ')}`).toEqual(await token(name));
        nested = Math.max(nested, sids.length);
      }
      for (const name of security) {
        const [ours, theirs] = [await below(name), await inChain(name)];
        // Whoever is below by groups for security alone; the others only by a group for mail.
        const expected = await usersWithToken(name);
        expect(ours, `below ${name} with ${[...there].join(', ')}`).toEqual(expected);
        expect(theirs).toEqual(expect.arrayContaining(ours));
        throughMail += theirs.length - ours.length;
      }
    }
    console.log(
      `${walks.length} walks, up to ${nested} groups a user, ${throughMail} times below by a group for mail alone (seed ${seed})`,
    );
    expect(nested).toBeGreaterThan(4);
    for (const name of mail) expect(conveys(polls.row(name))).toBe(false);
    expect(firstValue(polls.row('Mail0'), 'groupType')).toBe('8');
  });
});

/** The users in whose token a group is. */
async function usersWithToken(group: string): Promise<string[]> {
  const { sid = '' } = polls.row(group);
  const tokens = await Promise.all(users.map(async (name) => ({ name, sids: await token(name) })));
  return tokens.flatMap(({ name, sids }) => (sids.includes(sid) ? [name] : []));
}
