/** Invariants 3 and 7 while the first read of a directory is under way: what is not there yet is neither a loss nor a right. */
import { beforeEach, describe, expect, test } from 'vitest';
import { statusKey } from '../../handlers/directory/mirror.ts';
import { isCompletelyRead } from '../../handlers/directory/principals.ts';
import { type MemoryMirror, memoryMirror } from '../directory/memory-mirror.ts';
import { delta, referenceTo } from '../directory/rows.ts';
import { WatchedDomain } from '../directory/watched-domains.ts';
import { accessOf, Deciding } from './deciding.ts';

const domain = 'corp.example.com';
const at = '2025-03-01T10:00:00.000Z';
const mappings = [
  { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers', exclude: { groups: [{ name: 'Contractors' }] } },
] as const;

let mirror: MemoryMirror;
let corp: WatchedDomain;
let deciding: Deciding;
let complete: boolean;

beforeEach(() => {
  mirror = memoryMirror();
  corp = new WatchedDomain(mirror, domain, 1);
  deciding = new Deciding(mirror, [domain]);
  const loaded = accessOf({ mappings });
  deciding.deps = { ...deciding.deps, access: async () => loaded, isCompletelyRead: async () => complete };
  complete = false;
});

/** The first tick after a deployment. */
async function tick(): Promise<void> {
  deciding.revalidations.state = undefined;
  await deciding.decide({ revalidate: true });
  await deciding.settle();
}

/** The event of the end of the first read. */
async function completed(): Promise<void> {
  complete = true;
  const counts = { users: 1, computers: 0, serviceAccounts: 0, groups: 2, memberships: 2 };
  const subject = { guid: '00000000-0000-0000-0000-000000000001', type: 'domain', name: 'x', dn: 'x' };
  const detail = { version: 1, id: 'snapshot', domain, revision: 1, subject, change: counts, occurredAt: at, detectedAt: at };
  await deciding.decide({ source: 'active-directory.directory', 'detail-type': 'DirectorySnapshotCompleted', detail });
  await deciding.settle();
}

describe('GIVEN a first read that has brought a mapped group, and not yet the one that excludes', () => {
  test('invariant 7: WHEN a revalidation comes THEN nothing is granted, and at the end of the read the exclusion counts', async () => {
    const [ada, bea] = [corp.user(5, 'Ada'), corp.user(6, 'Bea')];
    await corp.page(ada, bea, corp.group(10, 'AWS-Developers', [ada, bea]));
    await tick();
    expect(deciding.grants.items.size).toBe(0);
    expect(deciding.codes()).toContain('DIRECTORY_INCOMPLETE');
    await corp.page(corp.group(11, 'Contractors', [bea]));
    await completed();
    expect([deciding.held(domain, ada), deciding.held(domain, bea)]).toEqual([['developers'], []]);
  });
});

describe('GIVEN a mirror that is read anew, and has not all memberships yet', () => {
  test('invariant 3: WHEN a revalidation comes THEN what is held stays, and the end of the read ends what ended meanwhile', async () => {
    const [ada, bea] = [corp.user(5, 'Ada'), corp.user(6, 'Bea')];
    const developers = corp.group(10, 'AWS-Developers', [ada, bea]);
    await corp.page(ada, bea, developers);
    complete = true;
    await tick();
    expect(deciding.held(domain, ada)).toEqual(['developers']);

    mirror = memoryMirror();
    corp = new WatchedDomain(mirror, domain, 1);
    deciding.deps = { ...deciding.deps, mirror };
    complete = false;
    await corp.page(ada, bea, { ...developers, membersAdded: [] });
    await tick();
    expect([deciding.held(domain, ada), deciding.held(domain, bea)]).toEqual([['developers'], ['developers']]);
    await corp.page(delta(developers, { membersAdded: [referenceTo(ada)] }));
    await completed();
    expect([deciding.held(domain, ada), deciding.held(domain, bea)]).toEqual([['developers'], []]);
  });
});

test('a directory is completely read from the end of its first read on, also while it is down', async () => {
  const status = { ...statusKey(domain), domain, fence: 1, detectedAt: at, since: at };
  expect(await isCompletelyRead(mirror, domain)).toBe(false);
  await mirror.write([{ ...status, revision: 1, reachable: true }]);
  expect(await isCompletelyRead(mirror, domain)).toBe(false);
  const snapshotCompleted = { users: 1, computers: 0, serviceAccounts: 0, groups: 2, memberships: 2 };
  await mirror.write([{ ...status, revision: 2, reachable: false, reason: 'refused', snapshotCompleted }]);
  expect(await isCompletelyRead(mirror, domain)).toBe(true);
  expect(await isCompletelyRead(mirror, 'partner.example.com')).toBe(false);
});
