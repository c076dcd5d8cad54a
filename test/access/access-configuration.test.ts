/** What decide-access goes by: what mappings may ask of targets, and of each other. */
import { describe, expect, test } from 'vitest';
import { parseAccessConfiguration } from '../../handlers/access/access-configuration.ts';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { configurationOf } from './decisions.ts';

const assignable = { accounts: ['111122223333'], permissionSets: ['Admin'] };
const both = { 'identity-center': { attributes: {}, assignable }, scim: { attributes: { userName: 'mail', title: 'title' } } };
const mapping = (change: Partial<RoleMapping> = {}): RoleMapping => ({
  id: 'one',
  group: { name: 'x' },
  role: 'r',
  targets: ['scim'],
  ...change,
});
const admin = [{ account: '111122223333', permissionSet: 'Admin' }];

describe('a right configuration', () => {
  test('GIVEN one target WHEN a mapping names none THEN it is that one', () => {
    const { targets: _, ...one } = mapping();
    expect(configurationOf({ mappings: [one], targets: { scim: both.scim } }).mappings).toEqual([{ ...one, targets: ['scim'] }]);
  });

  test('WHEN it is parsed again THEN it is the same: what synth writes is what decide-access reads', () => {
    const written = configurationOf({ mappings: [mapping(), mapping({ id: 'two', targets: ['scim', 'identity-center'] })], targets: both });
    expect(written.revalidateEveryHours).toBe(24);
    expect(parseAccessConfiguration(JSON.parse(JSON.stringify(written)))).toEqual(written);
  });

  test('WHEN several mappings give one role the same THEN they may; and so may different roles, or one role at different targets', () => {
    const mappings = [
      mapping({ targets: ['identity-center'], assignments: admin, labels: ['a', 'b'] }),
      mapping({ id: 'two', role: 'R', targets: ['identity-center'], assignments: admin, labels: ['b', 'a'] }),
      mapping({ id: 'three', role: 's', targets: ['identity-center'] }),
      mapping({ id: 'four' }),
    ];
    expect(configurationOf({ mappings, targets: both }).mappings).toHaveLength(4);
  });
});

describe('a wrong configuration', () => {
  const mappings = (...changes: readonly Partial<RoleMapping>[]) => ({
    targets: both,
    mappings: changes.map((change, index) => mapping({ id: `m${index}`, ...change })),
  });
  test.each<[string, object, RegExp]>([
    [
      'a role that exists at no target',
      mappings({ targets: ['okta'] }),
      /mappings\.0\.targets names "okta", where no role can exist: name one of identity-center, scim/,
    ],
    ['a target of every object', mappings({ targets: ['constructor'] }), /mappings\.0\.targets names "constructor"/],
    [
      'no target among several',
      { targets: both, mappings: [{ id: 'a', group: { name: 'x' }, role: 'r' }] },
      /mappings\.0\.targets is left out, and there are several: name one or more of/,
    ],
    ['an assignment where there are none', mappings({ assignments: admin }), /mappings\.0\.assignments are for "scim", which takes none/],
    [
      'an assignment at two targets, one of which takes none',
      mappings({ targets: ['identity-center', 'scim'], assignments: admin }),
      /mappings\.0\.assignments are for "scim", which takes none/,
    ],
    [
      'an account that is not ours',
      mappings({ targets: ['identity-center'], assignments: [{ account: '999988887777', permissionSet: 'Admin' }] }),
      /mappings\.0\.assignments\.0\.account "999988887777" is none of the target "identity-center": add it there/,
    ],
    [
      'a permission set that is not ours',
      mappings({ targets: ['identity-center'], assignments: [{ account: '111122223333', permissionSet: 'admin' }] }),
      /mappings\.0\.assignments\.0\.permissionSet "admin" is none of the target "identity-center"/,
    ],
    [
      'one role with other assignments',
      mappings({ targets: ['identity-center'], assignments: admin }, { role: 'R', targets: ['identity-center'] }),
      /mappings\.1\.assignments of "m1" for the role "R" at "identity-center" are not those of "m0": give both the same/,
    ],
    [
      'one role with other labels',
      mappings({}, { labels: ['privileged'] }),
      /mappings\.1\.labels of "m1" for the role "r" at "scim" are not those of "m0"/,
    ],
    ['an id twice', mappings({}, { id: 'm0' }), /two role mappings have the same id/],
    ['no mapping', { mappings: [] }, /names no role mapping/],
    ['1,001 mappings', mappings(...Array.from({ length: 1001 }, () => ({}))), /more than 1,000 role mappings/],
    ['no target', { targets: {} }, /names no target/],
    ['a target whose name is part of a key', { targets: { 'a/b': both.scim } }, /must be 1 to 63 letters/],
    ['a profile attribute that is none', { targets: { scim: { attributes: { nickName: 'cn' } } } }, /must be one of userName, displayName/],
    [
      'a secret attribute',
      { targets: { scim: { attributes: { title: 'unicodePwd' } } } },
      /targets\.scim\.attributes\.title holds a secret/,
    ],
    [
      'an attribute that policies cannot know',
      { policyAttributes: ['msDS-User-Account-Control-Computed'] },
      /policyAttributes\.0 is not sent by DirSync/,
    ],
    ['no policy', { policies: [] }, /names no policy: nothing would be granted/],
    [
      'two policies of one name',
      { policies: [1, 2].map((key) => ({ name: 'a.cedar', key: `${key}` })) },
      /two policies have the same name/,
    ],
    ['another way to handle violations', { onViolation: 'ignore' }, /onViolation must be revoke or report/],
    ['half an hour', { revalidateEveryHours: 0.5 }, /revalidateEveryHours must be whole hours/],
    ['a key too many', { policy: 'x' }, /policy/],
  ])('fails for %s, naming the value and the remedy', (_, change, message) => {
    expect(() => configurationOf({ ...change })).toThrow(ConfigurationError);
    expect(() => configurationOf({ ...change })).toThrow(message);
  });

  test.each([undefined, null, [], 'x', {}])('fails for %j', (value) => {
    expect(() => parseAccessConfiguration(value)).toThrow(ConfigurationError);
  });
});
