/** Principals of very many groups: what DynamoDB or EventBridge would refuse as a whole must keep nobody's access alive. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { describe, expect, test } from 'vitest';
import { decide } from '../../handlers/access/decide.ts';
import type { PrincipalGrants } from '../../handlers/access/grants.ts';
import type { Verdict } from '../../handlers/access/policies/authorizer.ts';
import { toEntry } from '../../handlers/events/identity-event.ts';
import { memoryMirror } from '../directory/memory-mirror.ts';
import { referenceTo } from '../directory/rows.ts';
import { WatchedDomain } from '../directory/watched-domains.ts';
import { accessOf, Deciding } from './deciding.ts';
import { announced, answering, contextOf, forbids, group, permits, through, user } from './decisions.ts';

const account = (number: number) => String(100_000_000_000 + number);
const assignable = { accounts: Array.from({ length: 1000 }, (_, number) => account(number)), permissionSets: ['AdministratorAccess'] };
const targets = { 'identity-center': { attributes: {}, assignable } };
const mappings = [
  {
    id: 'account-access',
    group: { pattern: '^AWS-(?<account>\\d{12})-(?<set>\\w+)$' },
    role: 'AWS-$<account>-$<set>',
    assignments: [{ account: '$<account>', permissionSet: '$<set>' }],
  },
];
const lawOf = (verdict: Verdict) =>
  contextOf(
    { mappings, targets },
    answering(() => verdict),
  );
const permitted = lawOf(permits('mapped-grants'));
const forbidden = lawOf(forbids('stale-passwords', 'segregation-of-duties'));

const way = Array.from({ length: 3 }, (_, number) => group(5000 + number, `Department of something ${number}`));
const groups = (from: number, to: number, nested = way) =>
  Array.from({ length: to - from }, (_, number) =>
    through(group(10 + from + number, `AWS-${account(from + number)}-AdministratorAccess`), ...nested),
  );

const kilobytes = (value: object) => Buffer.byteLength(JSON.stringify(value)) / 1024;

/** Whether it can be written and told: within 400 KB and 256 KB. JSON is larger than what DynamoDB counts ("Item sizes and formats"). */
function expectToFit(item: PrincipalGrants | undefined): asserts item is PrincipalGrants {
  if (item === undefined) throw new Error('nothing was decided');
  expect(kilobytes(item), 'item').toBeLessThan(400);
  expect(marshall(item, { removeUndefinedValues: true })).toBeDefined();
  for (const event of item.unannounced) expect(kilobytes(toEntry(event)), event.type).toBeLessThan(250);
}

describe('a principal', () => {
  test('of 200 nested groups holds all their roles', () => {
    const item = decide(user(), groups(0, 200), undefined, permitted);
    expectToFit(item);
    expect(Object.keys(item.grants)).toHaveLength(200);
    expect(item.denied).toEqual({});
  });

  test('of 20 nested groups holds them with their paths', () => {
    const item = decide(user(), groups(0, 20), undefined, permitted);
    expect(Object.values(item?.grants ?? {}).every(({ path }) => path?.length === 3)).toBe(true);
  });

  test.each([400, 1000])('of %j groups holds as many as fit, is told of the others, and is decided the same again', (count) => {
    const item = decide(user(), groups(0, count), undefined, permitted);
    expectToFit(item);
    expect(Object.keys(item.grants).length).toBeGreaterThan(199);
    expect(Object.values(item.denied)[0]).toMatchObject({ reason: 'role', detail: expect.stringContaining('more roles than fit') });
    expect(item.unannounced.map(({ type }) => type)).toContain('AccessDenied');
    expect(decide(user(), groups(0, count), announced(item), permitted)).toBeUndefined();
  });

  test('invariant 7: of many groups that a policy comes to forbid loses every role', () => {
    const held = decide(user(), groups(0, 220), undefined, permitted);
    expectToFit(held);
    const after = decide(user(), groups(0, 220), announced(held), forbidden);
    expectToFit(after);
    expect(after.grants).toEqual({});
    const decision = after.unannounced.find(({ type }) => type === 'AccessDecided');
    expect(decision).toMatchObject({ change: { holds: [], revoked: { length: Object.keys(held.grants).length } } });
    expect(after.unannounced.map(({ type }) => type)).toContain('AccessViolationFound');
    expect(decide(user(), groups(0, 220), announced(after), forbidden)).toBeUndefined();
  });

  test('GIVEN as many roles as fit WHEN one group more comes first THEN no other role is lost for it', () => {
    const item = decide(user(), groups(100, 500, []), undefined, permitted);
    expectToFit(item);
    const after = decide(user(), groups(99, 500, []), announced(item), permitted);
    expect(Object.keys(after?.grants ?? item.grants)).toEqual(Object.keys(item.grants));
  });
});

test('GIVEN a principal of many groups WHEN all are others THEN what ended ends at once, and the new ones follow within the same look', async () => {
  const mirror = memoryMirror();
  const corp = new WatchedDomain(mirror, 'corp.example.com', 1);
  const deciding = new Deciding(mirror, ['corp.example.com']);
  const loaded = accessOf({ mappings: [{ id: 'x', group: { pattern: '^AWS-.+$' }, role: 'x', domains: ['corp.example.com'] }] });
  const { authorizer } = loaded.access;
  const access = { ...permitted.access, authorizer };
  deciding.deps = { ...deciding.deps, access: async () => ({ ...loaded, access }) };
  const ada = corp.user(5, 'Ada');
  const some = (from: number) =>
    Array.from({ length: 200 }, (_, number) => corp.group(from + number, `AWS-${account(from + number)}-AdministratorAccess`, [ada]));
  const before = some(100);
  await corp.page(ada, ...before);
  const look = { lookAt: { domain: corp.name, guids: [ada.guid] }, cause: { id: 'x', type: 'Revalidation' } };
  await deciding.decide(look);
  expect(deciding.held(corp.name, ada)).toHaveLength(200);
  await corp.page(...before.map((one) => ({ ...one, membersAdded: [], membersRemoved: [referenceTo(ada)] })), ...some(500));
  await deciding.decide(look);
  expect(deciding.held(corp.name, ada)).toHaveLength(200);
  const [item] = deciding.grants.items.values();
  expect(item?.unannounced).toEqual([]);
  expect(deciding.published.filter(({ type }) => type === 'AccessDecided')).toHaveLength(3);
  for (const event of deciding.published) expect(kilobytes(toEntry(event))).toBeLessThan(250);
});
