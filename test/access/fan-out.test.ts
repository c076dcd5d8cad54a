/** Whom a change of a group affects: everybody below it, and nobody else. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lookAts, parseDecisionMessage, principalsAtOnce } from '../../handlers/access/decision-message.ts';
import { usersBelow } from '../../handlers/access/fan-out.ts';
import { isObjectRow } from '../../handlers/directory/mirror.ts';
import { watchedDomains } from '../../handlers/directory/principals.ts';
import { affectedUsers, effectiveGroups, type Graph, graphs, MirroredGraph } from '../directory/group-graph.ts';
import { memoryMirror } from '../directory/memory-mirror.ts';
import { delta, referenceTo } from '../directory/rows.ts';
import { WatchedDomain } from '../directory/watched-domains.ts';
import { watching } from '../platform/watched-calls.ts';
import { cause } from './decisions.ts';

describe('any graph of groups', () => {
  test('THEN whom a change of a group affects are those of the plainest reasoning, each once, and no others', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async (graph) => {
        const mirrored = await MirroredGraph.of(graph);
        for (const [index, { kind }] of graph.groups.entries()) {
          const name = `g${index}`;
          const users = (await usersBelow(mirrored.mirror, [mirrored.named(name)])).map((user) => mirrored.nameOf(user)).sort();
          expect(users).toEqual(affectedUsers(graph, name));
          // And so it agrees with what each of them is effectively a member of.
          const members = [...graph.users.keys()].map((user) => `u${user}`).filter((user) => effectiveGroups(graph, user).includes(name));
          if (kind === 'security') expect(users).toEqual(members);
        }
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  test('THEN of several groups those below any of them, each once', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async (graph) => {
        const mirrored = await MirroredGraph.of(graph);
        const names = graph.groups.map((_, index) => `g${index}`);
        const users = await usersBelow(
          mirrored.mirror,
          [...names, ...names].map((name) => mirrored.named(name)),
        );
        expect(users.map((user) => mirrored.nameOf(user)).sort()).toEqual(
          [...new Set(names.flatMap((name) => affectedUsers(graph, name)))].sort(),
        );
      }),
      { numRuns: 50 },
    );
  }, 60_000);
});

describe('a group', () => {
  const chain: Graph = {
    users: ['corp', 'corp'],
    groups: Array.from({ length: 11 }, () => ({ home: 'corp', kind: 'security' })),
    memberships: [['u0', 'g10'], ['u1', 'g3'], ...Array.from({ length: 10 }, (_, level) => [`g${level + 1}`, `g${level}`] as const)],
  };

  test('GIVEN ten groups below it THEN those at every level, and a group of the middle is looked at for those below it alone', async () => {
    const mirrored = await MirroredGraph.of(chain);
    const below = async (name: string) => (await usersBelow(mirrored.mirror, [mirrored.named(name)])).map((user) => mirrored.nameOf(user));
    expect((await below('g0')).sort()).toEqual(['u0', 'u1']);
    expect(await below('g4')).toEqual(['u0']);
  });

  test('that conveys nothing any more THEN those below it are affected all the same', async () => {
    const mirrored = await MirroredGraph.of({
      ...chain,
      groups: chain.groups.map((group, index) => (index === 0 ? { ...group, kind: 'deleted' } : group)),
    });
    expect(await usersBelow(mirrored.mirror, [mirrored.named('g0')])).toHaveLength(2);
  });

  test('GIVEN a member of another domain that has no object here, or whose stand-in may not be read THEN the user there', async () => {
    const mirror = memoryMirror();
    const [corp, sales] = [new WatchedDomain(mirror, 'corp.example.com', 1), new WatchedDomain(mirror, 'sales.corp.example.com', 2)];
    const [cy, dan] = [sales.user(2, 'Cy'), sales.user(3, 'Dan')];
    const staff = corp.group(10, 'Staff');
    await sales.page(cy, dan);
    await corp.page(staff);
    await corp.page(delta(staff, { membersAdded: [referenceTo(cy), referenceTo(corp.foreignSecurityPrincipal(40, dan.sid))] }));
    const named = ({ guid }: { guid: string }) => ({ domain: 'sales.corp.example.com', guid });
    const below = (of: typeof mirror) => usersBelow(of, [{ domain: 'corp.example.com', guid: staff.guid }]);
    expect(new Set(await below(mirror))).toEqual(new Set([named(cy), named(dan)]));
    // AND nobody where that domain is not watched
    expect(await below(watchedDomains(mirror, ['corp.example.com']))).toEqual([]);
  });

  test('GIVEN computers, managed accounts and contacts among its members THEN they are nobody to look at', async () => {
    const mirror = memoryMirror();
    const corp = new WatchedDomain(mirror, 'corp.example.com', 1);
    const members = [
      corp.user(1, 'PC$', { objectClass: ['top', 'person', 'organizationalPerson', 'user', 'computer'] }),
      corp.user(2, 'gmsa$', { objectClass: ['top', 'user', 'computer', 'msDS-GroupManagedServiceAccount'] }),
      corp.user(3, 'Ada'),
    ];
    const staff = corp.group(10, 'Staff', members);
    await corp.page(...members, staff);
    expect(mirror.all().filter(isObjectRow)).toHaveLength(4);
    expect(await usersBelow(mirror, [{ domain: 'corp.example.com', guid: staff.guid }])).toEqual([
      { domain: 'corp.example.com', guid: members[2]?.guid },
    ]);
  });

  test('THEN a group of several ways is listed once', async () => {
    const graph: Graph = {
      users: ['corp'],
      groups: [0, 1, 2, 3].map(() => ({ home: 'corp', kind: 'security' })),
      memberships: [
        ['g1', 'g0'],
        ['g2', 'g0'],
        ['g3', 'g1'],
        ['g3', 'g2'],
        ['g0', 'g3'],
        ['u0', 'g3'],
      ],
    };
    const mirrored = await MirroredGraph.of(graph);
    const listed: string[] = [];
    const mirror = watching({ before: (_, name) => void listed.push(name) }).wrap(mirrored.mirror, ['list']);
    expect(await usersBelow(mirror, [mirrored.named('g0')])).toHaveLength(1);
    expect(listed).toHaveLength(4);
  });
});

describe('the messages of a fan-out', () => {
  const users = (count: number, domain = 'corp.example.com') =>
    Array.from({ length: count }, (_, index) => ({ domain, guid: `user-${index}` }));

  test.each([0, 1, 24, 25, 26, 1_000])('GIVEN %i users THEN each is in one message, and none is larger than it may be', (count) => {
    const messages = lookAts(users(count), cause);
    expect(messages).toHaveLength(Math.ceil(count / principalsAtOnce));
    expect(messages.flatMap(({ lookAt }) => lookAt.guids)).toEqual(users(count).map(({ guid }) => guid));
    for (const message of messages) expect(parseDecisionMessage(JSON.stringify(message))).toEqual(message);
  });

  test('GIVEN users of two domains THEN each domain has its own', () => {
    const messages = lookAts([...users(2), ...users(1, 'partner.example.com'), ...users(1)], cause, 'corp.example.com#g');
    expect(messages.map(({ lookAt }) => [lookAt.domain, lookAt.guids.length, lookAt.seenAt])).toEqual([
      ['corp.example.com', 3, 'corp.example.com#g'],
      ['partner.example.com', 1, 'corp.example.com#g'],
    ]);
  });
});
