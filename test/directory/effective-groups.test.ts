/** Effective membership: whatever the nesting looks like, each group once, by a shortest way. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isObjectRow, type MirrorRow, objectKey } from '../../handlers/directory/mirror.ts';
import { conveys, type PrincipalReader, readPrincipal, watchedDomains } from '../../handlers/directory/principals.ts';
import { watching } from '../platform/watched-calls.ts';
import { effectiveGroups, type Graph, graphs, MirroredGraph } from './group-graph.ts';
import { memoryMirror } from './memory-mirror.ts';
import { ada, Polls } from './polls.ts';
import { changed, groupObject, objectRow, userObject } from './rows.ts';

type Kind = Graph['groups'][number]['kind'];

/** Ada is u0; groups are of corp but where said. `a>b`: a is a member of b. */
function graphOf(memberships: string, kinds: Readonly<Record<string, Kind>> = {}, homes: Readonly<Record<string, 'partner'>> = {}): Graph {
  const pairs = memberships.split(' ').map((pair) => pair.split('>') as [string, string]);
  const most = Math.max(...pairs.flat().map((name) => (name.startsWith('g') ? Number(name.slice(1)) : 0)));
  const groups = Array.from({ length: most + 1 }, (_, index) => ({
    home: homes[`g${index}`] ?? ('corp' as const),
    kind: kinds[`g${index}`] ?? ('security' as const),
  }));
  return { users: ['corp', 'corp'], groups, memberships: pairs };
}

/** Groups of a user with the way to each: `g0>g1` is g1 by way of g0. */
async function waysOf(graph: Graph, user = 'u0', reader = (mirror: PrincipalReader) => mirror): Promise<string[]> {
  const mirrored = await MirroredGraph.of(graph);
  const { domain, guid } = mirrored.named(user);
  const { groups } = await readPrincipal(reader(mirrored.mirror), domain, guid, mirrored.seenAt(user));
  return groups.map(({ row, path }) => [...path, row].map((group) => mirrored.nameOf(group)).join('>')).sort();
}

const chain = (length: number) => ['u0>g0', ...Array.from({ length }, (_, index) => `g${index}>g${index + 1}`)].join(' ');

describe('effective groups', () => {
  const tables: Record<string, [graph: Graph, ways: string[]]> = {
    'a direct membership': [graphOf('u0>g0'), ['g0']],
    'a group in a group': [graphOf('u0>g0 g0>g1'), ['g0', 'g0>g1']],
    'ten levels': [
      graphOf(chain(9)),
      Array.from({ length: 10 }, (_, end) => Array.from({ length: end + 1 }, (_, step) => `g${step}`).join('>')),
    ],
    'a diamond: the group once, by the way that is listed first': [graphOf('u0>g1 u0>g0 g0>g2 g1>g2'), ['g0', 'g0>g2', 'g1']],
    'a long and a short way: the short one': [graphOf('u0>g0 g0>g1 g1>g2 u0>g3 g3>g2'), ['g0', 'g0>g1', 'g3', 'g3>g2']],
    'a direct and a nested way: the direct one': [graphOf('u0>g0 g0>g1 u0>g1'), ['g0', 'g1']],
    'a cycle of two': [graphOf('u0>g0 g0>g1 g1>g0'), ['g0', 'g0>g1']],
    'a cycle above': [graphOf('u0>g0 g0>g1 g1>g2 g2>g1'), ['g0', 'g0>g1', 'g0>g1>g2']],
    'a group in itself': [graphOf('u0>g0 g0>g0'), ['g0']],
    'a distribution group: nothing, and nothing by it': [graphOf('u0>g0 g0>g1 u0>g2', { g0: 'distribution' }), ['g2']],
    'a distribution group in between': [graphOf('u0>g0 g0>g1 g1>g2', { g1: 'distribution' }), ['g0']],
    'an out-of-scope group in between': [graphOf('u0>g0 g0>g1 g1>g2', { g1: 'outOfScope' }), ['g0']],
    'a deleted group in between': [graphOf('u0>g0 g0>g1 g1>g2', { g1: 'deleted' }), ['g0']],
    'a way around a deleted group': [graphOf('u0>g0 g0>g1 g1>g2 g0>g3 g3>g2', { g1: 'deleted' }), ['g0', 'g0>g3', 'g0>g3>g2']],
    'a group in a group of another forest, and back': [graphOf('u0>g0 g0>g1 g1>g2', {}, { g1: 'partner' }), ['g0', 'g0>g1', 'g0>g1>g2']],
    'somebody else’s groups': [graphOf('u1>g0 g0>g1 u0>g2'), ['g2']],
  };
  test.each(Object.entries(tables))('GIVEN %s', async (_, [graph, ways]) => {
    expect(await waysOf(graph)).toEqual([...ways].sort());
  });

  test('GIVEN a primary group in other groups THEN they are theirs, until the primary group is another', async () => {
    const [everyone, guests, staff] = [groupObject(513, 'Domain Users'), groupObject(514, 'Domain Guests'), groupObject(20, 'Staff')];
    const inGroup = ({ sid = '' }: { sid?: string | undefined }) => ({ primaryGroupID: [sid.split('-').at(-1) ?? ''] });
    const cleo = userObject(3, 'Cleo', inGroup(everyone));
    const polls = new Polls();
    await polls.firstSync(
      everyone,
      guests,
      { ...staff, membersAdded: [{ guid: everyone.guid, sid: everyone.sid, dn: everyone.dn }] },
      cleo,
    );
    const names = async () => {
      const { pk, domain, guid } = objectRow(cleo);
      return (await readPrincipal(polls.mirror, domain, guid, pk)).groups.map(({ row }) => row.attributes.name?.[0]);
    };
    expect(await names()).toEqual(['Domain Users', 'Staff']);
    await polls.told(changed(cleo, inGroup(guests)));
    expect(await names()).toEqual(['Domain Guests']);
  });

  test('GIVEN one watched domain THEN nobody is asked about by SID, and nothing comes from a domain that is not watched any more', async () => {
    const graph = graphOf('u0>g0 g0>g1 g1>g2', {}, { g1: 'partner' });
    const asked: string[] = [];
    const reader = (mirror: PrincipalReader) =>
      watchedDomains(watching({ before: (_, name) => void asked.push(name) }).wrap(mirror, ['listBySid']), ['corp.example.com']);
    expect(await waysOf(graph, 'u0', reader)).toEqual(['g0']);
    expect(asked).toEqual([]);
    expect(await waysOf(graph, 'u0', (mirror) => watchedDomains(mirror, ['corp.example.com', 'sales.example.com']))).toEqual(['g0']);
    expect(await waysOf(graph, 'u0', (mirror) => watchedDomains(mirror, ['corp.example.com', 'partner.example.com']))).toHaveLength(3);
  });

  test('GIVEN an index that does not show a stand-in yet THEN the group that was met by it is found all the same', async () => {
    const graph = graphOf('u0>g0 g0>g1', {}, { g1: 'partner' });
    const { mirror, named, seenAt, nameOf } = await bound(graph);
    const standIn = mirror.all().find((row) => isObjectRow(row) && row.type === 'foreignSecurityPrincipal');
    const lagging = { ...mirror, listBySid: async (sid: string) => (await mirror.listBySid(sid)).filter(({ pk }) => pk !== standIn?.pk) };
    const { domain, guid } = named('u0');
    const groups = async (met: string) => (await readPrincipal(lagging, domain, guid, met)).groups.map(({ row }) => nameOf(row));
    expect(await groups(seenAt('u0'))).toEqual(['g0']);
    expect(await groups(standIn?.pk ?? '')).toEqual(['g0', 'g1']);
  });

  test('invariant 7: GIVEN a group of another forest with the SID of one here THEN a stand-in with that SID gives its members nothing', async () => {
    const graph = graphOf('u0>g0 g0>g1', {}, { g1: 'partner' });
    const { mirror, named } = await bound(graph);
    const { domain, guid } = named('u0');
    const [ours] = (await mirror.read([objectKey(named('g0').domain, named('g0').guid)])).filter(isObjectRow);
    const forged = { ...objectRow(groupObject(77, 'Forged'), { sid: ours?.sid }), ...objectKey('partner.example.com', 'forged') };
    await mirror.write([{ ...forged, domain: 'partner.example.com', guid: 'forged' }]);
    const { groups } = await readPrincipal(mirror, domain, guid, objectKey(domain, guid).pk);
    expect(groups.map(({ row }) => row.guid)).toEqual([named('g0').guid]);
  });

  test('THEN the reads of a level go side by side, but no more than 16 at once', async () => {
    const rows: MirrorRow[] = (await bound(graphOf(Array.from({ length: 60 }, (_, index) => `u0>g${index}`).join(' ')))).mirror
      .all()
      .slice();
    const mirror = memoryMirror();
    for (const row of rows) await mirror.write([{ ...row, revision: 1 }]);
    let [now, most] = [0, 0];
    const slow: PrincipalReader = {
      ...mirror,
      async readPartition(pk) {
        now += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setTimeout(resolve, 1));
        now -= 1;
        return mirror.readPartition(pk);
      },
    };
    const { domain, guid } = { domain: 'corp.example.com', guid: rows.filter(isObjectRow).find(({ type }) => type === 'user')?.guid ?? '' };
    expect((await readPrincipal(slow, domain, guid, objectKey(domain, guid).pk)).groups).toHaveLength(60);
    expect(most).toBe(16);
  });
});

/** A mirrored graph whose methods may be taken apart. */
async function bound(graph: Graph) {
  const mirrored = await MirroredGraph.of(graph);
  const { mirror } = mirrored;
  return { mirror, named: mirrored.named.bind(mirrored), seenAt: mirrored.seenAt.bind(mirrored), nameOf: mirrored.nameOf.bind(mirrored) };
}

describe('whether a group conveys', () => {
  const [row] = [objectRow(groupObject(10, 'Staff'))];
  const ofType = (groupType: readonly string[]) => ({ ...row, attributes: { ...row.attributes, groupType } });
  test.each<[string, readonly string[], boolean]>([
    ['global security', ['-2147483646'], true],
    ['domain local security', ['-2147483644'], true],
    ['universal security', ['-2147483640'], true],
    ['built-in', ['-2147483643'], true],
    ['the same unsigned', ['2147483650'], true],
    ['global distribution', ['2'], false],
    ['universal distribution', ['8'], false],
    ['not read', [], true],
    ['no number', ['x'], false],
    ['empty', [''], false],
  ])('GIVEN groupType of one that is %s', (_, groupType, does) => {
    expect(conveys(ofType(groupType))).toBe(does);
  });
  test('GIVEN a user, a deleted group or one out of scope THEN not', () => {
    for (const one of [objectRow(ada), { ...row, deleted: true }, { ...row, outOfScope: true as const }]) expect(conveys(one)).toBe(false);
  });
});

describe('any graph of groups', () => {
  test('THEN effective groups are those of the plainest reasoning, each once, by a way that exists and none is shorter', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async (graph) => {
        const mirrored = await MirroredGraph.of(graph);
        for (const user of graph.users.keys()) {
          const name = `u${user}`;
          const { domain, guid } = mirrored.named(name);
          const { groups } = await readPrincipal(mirrored.mirror, domain, guid, mirrored.seenAt(name));
          expect(groups.map(({ row }) => mirrored.nameOf(row)).sort()).toEqual(effectiveGroups(graph, name));
          for (const { row, path } of groups) {
            const way = [name, ...[...path, row].map((group) => mirrored.nameOf(group))];
            for (const [index, group] of way.slice(1).entries()) {
              expect(graph.memberships.some(([member, of]) => member === way[index] && of === group)).toBe(true);
            }
            expect(path.length).toBe(distance(graph, name, mirrored.nameOf(row)) - 1);
          }
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});

/** Steps of the shortest way from a user up to a group, over groups that convey. */
function distance({ groups, memberships }: Graph, from: string, to: string): number {
  let level = new Set([from]);
  for (let steps = 1; steps <= groups.length; steps += 1) {
    level = new Set(
      memberships.flatMap(([member, group]) => (level.has(member) && groups[Number(group.slice(1))]?.kind === 'security' ? [group] : [])),
    );
    if (level.has(to)) return steps;
  }
  return Number.POSITIVE_INFINITY;
}
