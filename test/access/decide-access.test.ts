/** decide-access as a whole, its ports in memory: what it looks at, what it keeps, and what races and crashes do to it. */
import { beforeEach, describe, expect, test } from 'vitest';
import { type DecideAccessDependencies, decideAccess } from '../../handlers/access/decide-access/decide-access.ts';
import { principalKey } from '../../handlers/access/grants.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import {
  type EdgeRow,
  groupsListing,
  isObjectRow,
  type MirrorRow,
  type ObjectRow,
  objectKey,
  statusKey,
} from '../../handlers/directory/mirror.ts';
import type { IdentityEventType } from '../../handlers/events/catalogue.ts';
import { InvalidEventError, RetryableError } from '../../handlers/platform/errors.ts';
import { exclusive } from '../../handlers/platform/exclusive.ts';
import { memoryMirror } from '../directory/memory-mirror.ts';
import { detectedAt, domain, edgeRow, groupObject, guidOf, userObject } from '../directory/rows.ts';
import { type CallWatch, Killed, killedAfter, watching } from '../platform/watched-calls.ts';
import { Deciding, delivered } from './deciding.ts';
import { cause, disabled, group, user } from './decisions.ts';
import { memoryGrants } from './memory-grants.ts';

const ada = userObject(1, 'ada');
const developers = groupObject(10, 'AWS-Developers');
const printers = groupObject(20, 'Printers');
const pk = principalKey(domain, ada.guid);

let mirror: ReturnType<typeof memoryMirror>;
let deciding: Deciding;
let grants: Deciding['grants'];
let published: Deciding['published'];
let sent: Deciding['sent'];
let logged: Deciding['logged'];
let deps: DecideAccessDependencies;

beforeEach(async () => {
  mirror = memoryMirror();
  deciding = new Deciding(mirror, [domain]);
  ({ grants, published, sent, logged, deps } = deciding);
  // GIVEN Ada in AWS-Developers and in Printers, which no mapping selects
  await put(user(), listed(10, 'AWS-Developers'), listed(20, 'Printers'), edgeRow(developers, ada), edgeRow(printers, ada));
});

const listed = (number: number, name: string) => group(number, name, { listedUnder: groupsListing(domain) });

/** Writes rows as change capture does, and returns the events that publish-changes makes of them, as they reach the queue. */
async function put(...rows: readonly MirrorRow[]): Promise<string[]> {
  const from = mirror.changes.length;
  for (const row of rows) {
    const [old] = await mirror.read([row]);
    await mirror.write([{ ...row, revision: (old?.revision ?? 0) + 1 }]);
  }
  return mirror.changes.slice(from).flatMap(({ before, after }) => identityEvents(before, after).map(delivered));
}

const lookAt = (...guids: readonly string[]): string => JSON.stringify({ lookAt: { domain, guids }, cause });
const held = () => Object.keys(grants.items.get(pk)?.grants ?? {});
const left = (edge: EdgeRow): EdgeRow => ({ ...edge, present: false, listedUnder: undefined });
const codes = () => logged.map(([code]) => code);
const watched = (watch: CallWatch): DecideAccessDependencies => {
  const { wrap } = watching(watch);
  return {
    ...wrap(deps, ['fanOut', 'syncRoles', 'publish']),
    mirror: wrap<DecideAccessDependencies['mirror']>(mirror, ['read', 'readPartition', 'list', 'listBySid']),
    grants: wrap(deps.grants, ['read', 'replace', 'announced']),
  };
};

describe('an event', () => {
  test('GIVEN a new membership WHEN its event comes THEN the decision is written, published and sent on, each with its cause', async () => {
    const [event = ''] = await put(left(edgeRow(developers, ada)), edgeRow(developers, ada)).then((events) => events.slice(-1));
    await decideAccess(deps, event);
    expect(held()).toEqual(['identity-center/developers', 'identity-center/everybody']);
    const revision = grants.items.get(pk)?.revision;
    expect(published).toMatchObject([{ type: 'AccessDecided', revision, cause: { type: 'GroupMemberAdded' } }]);
    expect(sent).toMatchObject([{ domain, guid: ada.guid, revision, cause: { id: published[0]?.id, type: 'AccessDecided' } }]);
    expect(grants.items.get(pk)?.unannounced).toEqual([]);
  });

  const expiring = { accountExpires: ['133852176000000000'] };
  /** Every event of a user but its creation, which is on its own below. */
  type UserEvent = Exclude<Extract<IdentityEventType, `User${string}`>, 'UserCreated'>;
  const changes: Record<UserEvent | 'PasswordChanged' | 'GroupMemberAdded' | 'GroupMemberRemoved', () => Promise<string[]>> = {
    UserExpired: () => put(user(expiring), user(expiring, { expired: true })),
    UserExpiryChanged: () => put(user({ accountExpires: ['134167536000000000'] })),
    UserLockedOut: () => put(user({}, { lockedOut: 'never' })),
    UserUnlocked: () => put(user({}, { lockedOut: 'never' }), user()),
    UserEnteredScope: () => put(user({}, { outOfScope: true }), user()),
    UserLeftScope: () => put(user({}, { outOfScope: true })),
    UserUpdated: () => put(user({ mail: ['ada@example.com'] })),
    UserRenamed: () => put(user({ name: ['Ada B'] })),
    UserMoved: () => put(user({}, { dn: 'CN=ada,OU=Elsewhere,DC=corp,DC=example,DC=com' })),
    UserDisabled: () => put(user(disabled)),
    UserEnabled: () => put(user(disabled), user()),
    UserDeleted: () => put(user({}, { deleted: true })),
    UserRestored: () => put(user({}, { deleted: true }), user()),
    PasswordChanged: () => put(user({ pwdLastSet: ['133852176000000000'] })),
    GroupMemberRemoved: () => put(left(edgeRow(developers, ada))),
    GroupMemberAdded: () => put(left(edgeRow(developers, ada)), edgeRow(developers, ada)),
  };
  test.each(Object.entries(changes))('of type %s WHEN it comes THEN its principal is looked at', async (type, change) => {
    const event = (await change()).at(-1) ?? '';
    expect(JSON.parse(event)['detail-type']).toBe(type);
    await decideAccess(watched({ before: (_, name) => void logged.push([name, {}]) }), event);
    expect(codes()).toContain('readPartition');
    const active = !['UserDisabled', 'UserExpired', 'UserLeftScope', 'UserDeleted', 'GroupMemberRemoved'].includes(type);
    expect(held().includes('identity-center/developers')).toBe(active);
  });

  test('of type UserCreated WHEN it comes THEN its principal is looked at', async () => {
    const [event = ''] = await put({ ...user(), guid: guidOf(2), pk: principalKey(domain, guidOf(2)) });
    expect(JSON.parse(event)['detail-type']).toBe('UserCreated');
    await decideAccess(watched({ before: (_, name) => void logged.push([name, {}]) }), event);
    expect(codes()).toContain('readPartition');
  });

  type GroupEvent = Exclude<Extract<IdentityEventType, `Group${string}`>, `GroupMember${string}`>;
  const groupChanges: Record<GroupEvent, () => Promise<string[]>> = {
    GroupCreated: async () => {
      // Its members may come on an earlier page.
      const early = groupObject(30, 'AWS-Team-red');
      await put(edgeRow(early, ada));
      return put(listed(30, 'AWS-Team-red'));
    },
    GroupEnteredScope: () => put({ ...listed(10, 'AWS-Developers'), outOfScope: true }, listed(10, 'AWS-Developers')),
    GroupLeftScope: () => put({ ...listed(10, 'AWS-Developers'), outOfScope: true }),
    GroupRenamed: () => put(group(10, 'AWS-Team-blue', { listedUnder: groupsListing(domain) })),
    GroupMoved: () => put({ ...listed(10, 'AWS-Developers'), dn: 'CN=AWS-Developers,OU=Elsewhere,DC=corp,DC=example,DC=com' }),
    GroupUpdated: () => put({ ...listed(10, 'AWS-Developers'), attributes: { ...developers.attributes, groupType: ['-2147483640'] } }),
    GroupRestored: () => put({ ...listed(10, 'AWS-Developers'), deleted: true }, listed(10, 'AWS-Developers')),
    GroupDeleted: () => put({ ...listed(10, 'AWS-Developers'), deleted: true }),
  };
  test.each(Object.entries(groupChanges))('of type %s WHEN it comes THEN each member is sent to our own queue', async (type, change) => {
    const event = (await change()).at(-1) ?? '';
    expect(JSON.parse(event)['detail-type']).toBe(type);
    await decideAccess(deps, event);
    expect(deciding.fanned).toMatchObject([{ lookAt: { domain, guids: [ada.guid] }, cause: { type } }]);
    expect(grants.items.size).toBe(0);
  });

  const otherKinds: Record<string, () => Promise<string[]>> = {
    ComputerCreated: () => put(other('computer', 3)),
    ComputerDisabled: () => put(other('computer', 3), other('computer', 3, disabled)),
    ServiceAccountCreated: () => put(other('serviceAccount', 4)),
    ServiceAccountDeleted: () => put(other('serviceAccount', 4), { ...other('serviceAccount', 4), deleted: true }),
    PasswordChanged: () => put(other('computer', 3), other('computer', 3, { pwdLastSet: ['133852176000000000'] })),
    GroupUpdated: () => put({ ...listed(10, 'AWS-Developers'), attributes: { ...developers.attributes, mail: ['d@example.com'] } }),
    PolicyChanged: () => put(other('domain', 5), other('domain', 5, { minPwdLength: ['14'] })),
  };
  const other = (type: ObjectRow['type'], number: number, attributes: Record<string, readonly string[]> = {}): ObjectRow => ({
    ...user(attributes, { type }),
    ...objectKey(domain, guidOf(number)),
    guid: guidOf(number),
  });
  test.each(Object.entries(otherKinds))(
    'of type %s WHEN it comes THEN it is nobody’s access, and nothing is looked at',
    async (type, change) => {
      const event = (await change()).at(-1) ?? '';
      expect(JSON.parse(event)['detail-type']).toBe(type);
      await decideAccess(watched({ before: () => Promise.reject(new Error('a port was used')) }), event);
      expect(codes()).toEqual(['EVENT_IRRELEVANT']);
    },
  );

  test('of a group that left the scope WHEN its members are looked at THEN it gives them nothing any more', async () => {
    await decideAccess(deps, lookAt(ada.guid));
    expect(held()).not.toEqual([]);
    const [event = ''] = await put({ ...listed(10, 'AWS-Developers'), outOfScope: true });
    await decideAccess(deps, event);
    await deciding.settle();
    expect(held()).toEqual([]);
    expect(published.at(-1)).toMatchObject({ change: { state: 'active', granted: [] }, cause: { type: 'GroupLeftScope' } });
  });

  test('of a directory that is down WHEN it comes THEN nothing is looked at', async () => {
    const status = { ...statusKey(domain), domain, revision: 1, fence: 1, detectedAt, since: detectedAt };
    const events = await put(
      { ...status, reachable: true },
      { ...status, reachable: false, reason: 'refused' },
      { ...status, reachable: true },
    );
    expect(events).toHaveLength(2);
    for (const event of events) await decideAccess(watched({ before: () => Promise.reject(new Error('a port was used')) }), event);
    expect(codes()).toEqual(['EVENT_IRRELEVANT', 'EVENT_IRRELEVANT']);
  });

  test('of a group that nobody mapped WHEN it comes THEN nothing changes', async () => {
    await decideAccess(deps, lookAt(ada.guid));
    const before = grants.items.get(pk);
    const [event = ''] = await put(left(edgeRow(printers, ada)));
    await decideAccess(deps, event);
    expect(grants.items.get(pk)).toEqual(before);
    expect(published).toHaveLength(1);
  });

  test('GIVEN a renamed group WHEN its members are looked at THEN each has the role of the new name', async () => {
    await decideAccess(deps, lookAt(ada.guid));
    const [event = ''] = await put(group(10, 'AWS-Team-blue', { listedUnder: groupsListing(domain) }));
    await decideAccess(deps, event);
    await deciding.settle();
    expect(held()).toEqual(['identity-center/team-blue', 'identity-center/everybody']);
    expect(published.at(-1)?.change).toMatchObject({ granted: [{ role: 'team-blue' }], revoked: [{ role: 'developers' }] });
  });

  test('of the first snapshot WHEN it comes THEN the members of selected groups are sent, and an idle mapping is logged', async () => {
    const counts = { users: 1, computers: 0, serviceAccounts: 0, groups: 2, memberships: 2 };
    const status = { ...statusKey(domain), domain, revision: 1, fence: 1, detectedAt, reachable: true, since: detectedAt };
    const [event = ''] = await put({ ...status, snapshotCompleted: counts });
    await decideAccess(deps, event);
    expect(deciding.fanned).toMatchObject([{ lookAt: { domain, guids: [ada.guid] } }, { revalidation: { of: 'principals' } }]);
    expect(logged.filter(([code]) => code === 'ROLE_MAPPING_MATCHES_NOTHING')).toEqual([
      ['ROLE_MAPPING_MATCHES_NOTHING', { mapping: 'teams' }],
    ]);
  });
});

test('GIVEN a principal that cannot be decided on among others WHEN they are looked at THEN the others are decided on, and the message fails', async () => {
  const bea = userObject(2, 'bea');
  await put({ ...user(), ...objectKey(domain, bea.guid), guid: bea.guid }, edgeRow(developers, bea));
  const failing = {
    ...grants,
    read: async (key: string) => (key === pk ? Promise.reject(new RetryableError('throttled')) : grants.read(key)),
  };
  await expect(decideAccess({ ...deps, grants: failing }, lookAt(ada.guid, bea.guid))).rejects.toThrow('throttled');
  expect([...grants.items.keys()]).toEqual([principalKey(domain, bea.guid)]);
  expect(codes()).toContain('DECISION_FAILED');
  // AND again, when it works: the other is not decided anew
  await decideAccess(deps, lookAt(ada.guid, bea.guid));
  expect(published.map(({ subject }) => subject.guid)).toEqual([bea.guid, ada.guid]);
});

test('invariant 3: absence never deletes: a principal that the mirror does not hold keeps its grants', async () => {
  await decideAccess(deps, lookAt(ada.guid));
  const before = grants.items.get(pk);
  const empty = { ...deps, mirror: memoryMirror() };
  await decideAccess(empty, lookAt(ada.guid));
  expect(grants.items.get(pk)).toEqual(before);
  expect(logged.at(-1)).toEqual(['PRINCIPAL_NOT_A_USER', { domain, guid: ada.guid }]);
});

test('invariant 3: a membership whose group the mirror does not hold gives nothing, and a group that is a member holds nothing', async () => {
  await put({ ...edgeRow(groupObject(40, 'AWS-Developers'), printers) });
  await decideAccess(deps, lookAt(printers.guid));
  expect(grants.items.size).toBe(0);
  expect(logged.at(-1)).toEqual(['PRINCIPAL_NOT_A_USER', { domain, guid: printers.guid }]);
});

test('GIVEN two groups that changed WHEN their events come at once THEN one fan-out follows the other', async () => {
  let [now, most] = [0, 0];
  const list = async (listedUnder: string) => {
    now += 1;
    most = Math.max(most, now);
    await new Promise((resolve) => setTimeout(resolve, 1));
    now -= 1;
    return mirror.list(listedUnder);
  };
  const events = await put(group(10, 'AWS-Team-blue'), group(20, 'AWS-Team-red'));
  const ports = { ...deps, mirror: { ...mirror, list }, exclusive: exclusive() };
  await Promise.all(events.map((event) => decideAccess(ports, event)));
  expect(deciding.lookedAt()).toEqual([ada.guid, ada.guid]);
  expect(most).toBe(1);
});

test('invariant 7: without a configuration nothing is decided, what was granted stays, and the message is tried again', async () => {
  await decideAccess(deps, lookAt(ada.guid));
  const before = grants.items.get(pk);
  const broken = { ...deps, access: () => Promise.reject(new Error('access configuration is wrong')) };
  const [event = ''] = await put(left(edgeRow(developers, ada)));
  for (const message of [lookAt(ada.guid), event, JSON.stringify({ revalidate: true })]) {
    await expect(decideAccess(broken, message)).rejects.toThrow('access configuration is wrong');
  }
  expect(grants.items.get(pk)).toEqual(before);
  expect([deciding.fanned, deciding.revalidations.state]).toEqual([[], undefined]);
});

describe('fails, so that the message ends in the dead-letter queue,', () => {
  const good = { source: 'active-directory.directory', 'detail-type': 'UserDeleted' };
  const detail = { version: 1, id: 'x', domain, subject: {}, change: {}, revision: 1, occurredAt: detectedAt, detectedAt };
  test.each([
    ['no JSON', '{', /no JSON/],
    ['no event', '{}', /not an EventBridge event/],
    ['null', 'null', /not an EventBridge event/],
    ['an unknown type', JSON.stringify({ ...good, 'detail-type': 'UserPromoted', detail }), /unknown event type "UserPromoted"/],
    ['a type of Object', JSON.stringify({ ...good, 'detail-type': 'constructor', detail }), /unknown event type "constructor"/],
    ['another source', JSON.stringify({ ...good, source: 'aws.s3', detail }), /has source "aws.s3"/],
    ['another schema version', JSON.stringify({ ...good, detail: { ...detail, version: 2 } }), /schema version 2, this function reads 1/],
    ['a malformed event', JSON.stringify({ ...good, detail }), /malformed: subject\.guid/],
    ['half a fan-out', JSON.stringify({ lookAt: { domain } }), /not an EventBridge event/],
    ['a fan-out to nobody', lookAt(), /not an EventBridge event/],
    ['a fan-out to too many', lookAt(...Array.from({ length: 26 }, (_, index) => guidOf(index))), /not an EventBridge event/],
    ['half a revalidation', JSON.stringify({ revalidation: { of: 'everybody' }, cause }), /not an EventBridge event/],
  ])('for %s', async (_, body, message) => {
    const result = decideAccess(deps, body);
    await expect(result).rejects.toThrow(InvalidEventError);
    await expect(result).rejects.toThrow(message);
    expect([grants.items.size, published.length, sent.length, deciding.fanned.length]).toEqual([0, 0, 0, 0]);
  });
});

/** What the mirror says now, decided from nothing. */
async function rightGrants(): Promise<string[]> {
  const [row] = (await mirror.readPartition(pk)).filter(isObjectRow);
  const fresh = { ...deps, grants: memoryGrants(), publish: async () => undefined, syncRoles: async () => undefined };
  await decideAccess(fresh, lookAt((row as ObjectRow).guid));
  return Object.keys((await fresh.grants.read(pk))?.grants ?? {});
}

describe('a race', () => {
  const edge = edgeRow(developers, ada);
  const situations: Record<string, { given: () => Promise<unknown>; meanwhile: () => Promise<unknown> }> = {
    'a membership that ends': { given: async () => undefined, meanwhile: () => put(left(edge)) },
    'a membership that begins': { given: () => put(left(edge)), meanwhile: () => put(edge) },
    'a group that leaves its group': {
      given: () => put(edgeRow(developers, printers), left(edge)),
      meanwhile: () => put(left(edgeRow(developers, printers))),
    },
    'a group that joins a group': { given: () => put(left(edge)), meanwhile: () => put(edgeRow(developers, printers)) },
    'a group in between that conveys no more': {
      given: () => put(edgeRow(developers, printers), left(edge)),
      meanwhile: () => put({ ...listed(20, 'Printers'), attributes: { ...printers.attributes, groupType: ['2'] } }),
    },
    'a user who is disabled': { given: async () => undefined, meanwhile: () => put(user(disabled)) },
    'a rename of a user who holds a role': {
      given: () => decideAccess(deps, lookAt(ada.guid)),
      meanwhile: () => put(user({ mail: ['a@example.com'] })),
    },
    'a role that comes back': {
      given: async () => {
        await decideAccess(deps, lookAt(ada.guid));
        await put(left(edge));
      },
      meanwhile: () => put(edge),
    },
  };
  test.each(Object.entries(situations))(
    'with %s: whichever call it comes before, a stale decision never stays',
    async (_, { given, meanwhile }) => {
      await given();
      const probe = { items: new Map(grants.items), rows: mirror.all() };
      for (let moment = 1; ; moment += 1) {
        // GIVEN the same start for each moment
        mirror = memoryMirror();
        for (const row of probe.rows)
          for (let revision = 1; revision <= row.revision; revision += 1) await mirror.write([{ ...row, revision }]);
        grants.items.clear();
        for (const [key, item] of probe.items) grants.items.set(key, item);
        deps = { ...deps, mirror };
        // WHEN the directory changes and another run handles that event in full, just before one of our calls
        let reached = false;
        const before = async (number: number) => {
          if (number !== moment) return;
          reached = true;
          await meanwhile();
          await decideAccess(deps, lookAt(ada.guid));
        };
        await decideAccess(watched({ before }), lookAt(ada.guid));
        // THEN the grants are those of the mirror as it is now, and told
        expect(held(), `before call ${moment}`).toEqual(await rightGrants());
        if (!reached) break;
        const item = grants.items.get(pk);
        expect(item?.unannounced ?? []).toEqual([]);
        expect(sent.at(-1)?.revision ?? 0).toBeLessThanOrEqual(item?.revision ?? 0);
        expect(sent.some(({ revision }) => revision === item?.revision)).toBe(item !== undefined);
      }
    },
  );

  test('fails, to be tried again, when other decisions keep coming first', async () => {
    const always = { ...deps, grants: { ...grants, replace: async () => false } };
    await expect(decideAccess(always, lookAt(ada.guid))).rejects.toThrow(RetryableError);
    expect(published).toEqual([]);
  });
});

describe('a crash', () => {
  test('invariant 2: after any call, the next run ends in the same grants and tells of them under the same ids', async () => {
    await decideAccess(deps, lookAt(ada.guid));
    const [right, ids] = [grants.items.get(pk), published.map(({ id }) => id)];
    for (let kill = 1; ; kill += 1) {
      // GIVEN nothing decided yet
      grants.items.clear();
      [published.length, sent.length] = [0, 0];
      // WHEN the process ends after this call, and the message comes again
      const killed = await decideAccess(watched(killedAfter(kill)), lookAt(ada.guid)).then(
        () => false,
        (error: unknown) => error instanceof Killed,
      );
      if (killed) await decideAccess(deps, lookAt(ada.guid));
      // THEN
      expect(grants.items.get(pk)).toEqual(right);
      expect(new Set(published.map(({ id }) => id))).toEqual(new Set(ids));
      expect(new Set(sent.map(({ revision }) => revision))).toEqual(new Set([right?.revision]));
      if (!killed) break;
    }
  });

  test('GIVEN a decision that was never told of WHEN a later one comes THEN both are told of, the older first', async () => {
    const down = { ...deps, publish: () => Promise.reject(new RetryableError('the bus is down')) };
    await expect(decideAccess(down, lookAt(ada.guid))).rejects.toThrow(RetryableError);
    await put(user(disabled));
    await decideAccess(deps, lookAt(ada.guid));
    const last = grants.items.get(pk)?.revision ?? 0;
    expect(published.map(({ revision }) => revision)).toEqual([last - 1, last]);
    expect(sent.at(-1)?.revision).toBe(last);
  });
});
