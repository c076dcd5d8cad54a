/** Everybody is looked at anew when the configuration, or the time, changes what they should have. */
import { beforeEach, describe, expect, test } from 'vitest';
import { principalKey } from '../../handlers/access/grants.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { type MemoryMirror, memoryMirror } from '../directory/memory-mirror.ts';
import { WatchedDomain } from '../directory/watched-domains.ts';
import { Killed, killedAfter, watching } from '../platform/watched-calls.ts';
import { type AccessOptions, accessOf, Deciding } from './deciding.ts';

const tick = { revalidate: true };
const developers = { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' } as const;
const people = 30;

let mirror: MemoryMirror;
let corp: WatchedDomain;
let deciding: Deciding;
let time: number;

beforeEach(async () => {
  // GIVEN people in a group of AWS-Developers, and one in AWS-Admins
  mirror = memoryMirror();
  corp = new WatchedDomain(mirror, 'corp.example.com', 1);
  const users = Array.from({ length: people }, (_, number) => corp.user(100 + number, `Person ${number}`));
  const [team, chief] = [corp.group(11, 'Team', users), corp.user(99, 'Chief')];
  await corp.page(...users, chief, team, corp.group(10, 'AWS-Developers', [team]), corp.group(12, 'AWS-Admins', [chief]));
  deciding = new Deciding(mirror, ['corp.example.com']);
  time = Date.parse('2025-03-01T10:00:00Z');
  deciding.deps = { ...deciding.deps, now: () => new Date(time) };
  configured({ mappings: [developers] });
});

function configured(options: AccessOptions): void {
  const loaded = accessOf(options);
  deciding.deps = { ...deciding.deps, access: async () => loaded };
}
const due = () => deciding.logged.filter(([code]) => code === 'REVALIDATION_ORDERED').map(([, fields]) => fields.due);
const holders = () => [...deciding.grants.items.values()].filter(({ grants }) => Object.keys(grants).length > 0).length;

/** A tick, and all that follows. */
async function ticked(): Promise<boolean> {
  await deciding.decide(tick);
  const due = deciding.fanned.length > 0;
  await deciding.settle();
  return due;
}

describe('a tick', () => {
  test('WHEN it is the first THEN the members of all selected groups are decided on', async () => {
    expect(await ticked()).toBe(true);
    expect(holders()).toBe(people);
    expect(deciding.revalidations.state).toEqual({
      at: '2025-03-01T10:00:00.000Z',
      digest: 'access/1.json',
      since: '2025-03-01T10:00:00.000Z',
      revision: 1,
    });
    const decided = deciding.published.find(({ type }) => type === 'AccessDecided');
    expect(decided?.cause).toMatchObject({ type: 'Revalidation' });
  });

  test('WHEN nothing is due THEN one read, and nothing else', async () => {
    await ticked();
    time += 60_000;
    const used: string[] = [];
    const { wrap } = watching({ before: (_, name) => void used.push(name) });
    const { deps } = deciding;
    await deciding.decide(tick, {
      ...wrap(deps, ['fanOut', 'syncRoles', 'publish']),
      mirror: wrap(deps.mirror, ['read', 'readPartition', 'list', 'listBySid']),
      grants: wrap(deps.grants, ['read', 'replace', 'announced', 'scan']),
      revalidations: wrap(deciding.revalidations, ['read', 'write']),
    });
    expect(used).toEqual(['read']);
    expect(deciding.revalidations.reads).toBe(2);
  });

  test('WHEN the configuration is another THEN who had a role and who gets one are decided on, each domain over', async () => {
    await ticked();
    configured({ mappings: [{ ...developers, group: { name: 'AWS-Admins' } }], digest: 'access/2.json' });
    expect(await ticked()).toBe(true);
    expect(holders()).toBe(1);
    expect(await ticked()).toBe(false);
  });

  test('GIVEN a run with the configuration before WHEN it decides after the new one was looked at THEN a second look mends it', async () => {
    await ticked();
    time += 3_600_000;
    const before = deciding.deps.access;
    configured({ mappings: [{ ...developers, group: { name: 'AWS-Admins' } }], digest: 'access/2.json' });
    await ticked();
    const person = corp.user(100, 'Person 0').guid;
    const cause = { id: 'late', type: 'UserUpdated' };
    await deciding.decide({ lookAt: { domain: 'corp.example.com', guids: [person] }, cause }, { access: before });
    expect(holders()).toBe(2);
    for (let minute = 0; minute < 3; minute += 1) {
      time += 60_000;
      await ticked();
    }
    expect(holders()).toBe(1);
    expect(due()).toEqual(['first', 'configuration', 'settled']);
  });

  test('WHEN a mapping begins and ends THEN it gives the role from the one to the other', async () => {
    const valid = { from: '2025-03-01T11:00:00Z', until: '2025-03-01T12:00:00Z' };
    configured({ mappings: [{ ...developers, valid }] });
    const history: number[] = [];
    for (let minute = 0; minute <= 180; minute += 1) {
      await ticked();
      history.push(holders());
      time += 60_000;
    }
    // Five seconds are left to clocks that differ: the tick of the minute after.
    expect(history.slice(0, 61).every((count) => count === 0)).toBe(true);
    expect(history.slice(61, 121).every((count) => count === people)).toBe(true);
    expect(history.slice(121).every((count) => count === 0)).toBe(true);
    const decided = deciding.published.filter(({ type }) => type === 'AccessDecided');
    expect(decided).toHaveLength(2 * people);
    expect(due()).toEqual(['first', 'settled', 'validity', 'validity']);
  });

  test('WHEN a day has passed THEN everybody is looked at, and nobody told where nothing changed', async () => {
    await ticked();
    const told = deciding.published.length;
    time += 24 * 3_600_000;
    expect(await ticked()).toBe(true);
    expect(deciding.published).toHaveLength(told);
  });

  test('WHEN a run ends after any of its calls THEN the next tick, and what was sent, come to the same', async () => {
    for (let kill = 1; ; kill += 1) {
      deciding.grants.items.clear();
      [deciding.revalidations.state, deciding.fanned.length] = [undefined, 0];
      const { wrap } = watching(killedAfter(kill));
      const { deps } = deciding;
      const ports = { ...wrap(deps, ['fanOut']), revalidations: wrap(deciding.revalidations, ['read', 'write']) };
      const killed = await deciding.decide(tick, ports).then(
        () => false,
        (error: unknown) => error instanceof Killed,
      );
      if (killed) await deciding.decide(tick);
      await deciding.settle();
      expect(holders()).toBe(people);
      if (!killed) break;
    }
  });
});

describe('a revalidation of those in the grants table', () => {
  test('GIVEN more than one run takes THEN it goes on where it ended, and each is looked at', async () => {
    await ticked();
    const looked = new Set<string>();
    const grants = {
      ...deciding.grants,
      read: async (pk: string) => {
        looked.add(pk);
        return deciding.grants.read(pk);
      },
    };
    await deciding.decide({ revalidation: { of: 'principals' }, cause: { id: 'x', type: 'Revalidation' } });
    const onward = deciding.fanned.filter((message) => 'revalidation' in message);
    expect(onward).toMatchObject([{ revalidation: { of: 'principals', after: expect.any(String) } }]);
    await deciding.settle({ grants });
    expect(looked.size).toBe(people);
    expect(deciding.logged.filter(([code]) => code === 'REVALIDATION_FANNED_OUT').at(-1)?.[1]).toMatchObject({ complete: true });
  });

  test('fails, to be tried again, when the table cannot be read', async () => {
    const grants = { ...deciding.grants, scan: () => Promise.reject(new RetryableError('throttled')) };
    const message = { revalidation: { of: 'principals' }, cause: { id: 'x', type: 'Revalidation' } };
    await expect(deciding.decide(message, { grants })).rejects.toThrow('throttled');
  });

  test('THEN one whom no mapping selects any more loses the role, and one whom the mirror does not hold keeps it (invariant 3)', async () => {
    await ticked();
    const [gone = ''] = deciding.grants.items.keys();
    const without = memoryMirror();
    for (const row of mirror.all()) if (row.pk !== gone) await without.write([{ ...row, revision: 1 }]);
    deciding.deps = { ...deciding.deps, mirror: without };
    configured({ mappings: [{ ...developers, group: { name: 'AWS-Admins' } }], digest: 'access/2.json' });
    await ticked();
    const chief = principalKey('corp.example.com', corp.user(99, 'Chief').guid);
    const holding = [...deciding.grants.items.values()].filter(({ grants }) => Object.keys(grants).length > 0).map(({ pk }) => pk);
    expect(holding.sort()).toEqual([gone, chief].sort());
  });
});
