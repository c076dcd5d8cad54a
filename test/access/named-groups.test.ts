/** Names of the configuration that no group has: an exclusion or a forbid that has no effect is told, not found out. */
import { expect, test } from 'vitest';
import { prepareAccess } from '../../handlers/access/decide.ts';
import { namedGroups } from '../../handlers/access/named-groups.ts';
import { createAuthorizer } from '../../handlers/access/policies/authorizer.ts';
import type { ObjectRow } from '../../handlers/directory/mirror.ts';
import { configurationOf, group } from './decisions.ts';

const text = `permit (principal, action, resource);
forbid (principal in Group::"contractors@corp.example.com", action, resource)
unless { principal in Group::"S-1-5-21-1-2-3-20" };`;
const mappings = [
  { id: 'x', group: { name: 'AWS-X' }, role: 'x', domains: ['corp.example.com'], exclude: { groups: [{ name: 'Contractors' }] } },
];
const access = prepareAccess(configurationOf({ mappings }), createAuthorizer({ policies: [{ name: 'x.cedar', text }], attributes: [] }));
const [x, contractors, exempt] = [group(10, 'AWS-X'), group(11, 'CONTRACTORS'), group(20, 'Exempt')];
const inVain = (...groups: readonly ObjectRow[]) => namedGroups(access, groups).without;

test('GIVEN a group for every name THEN nothing is told, and the mapped one is selected', () => {
  expect(inVain(x, contractors, exempt)).toEqual([]);
  expect(namedGroups(access, [x, contractors, exempt]).selected).toEqual([x]);
});

const withoutContractors = [
  ['EXCLUSION_MATCHES_NOTHING', { mapping: 'x', group: { name: 'Contractors' } }],
  ['POLICY_GROUP_MATCHES_NOTHING', { group: 'contractors@corp.example.com' }],
];

test.each<[what: string, row: ObjectRow]>([
  ['is called otherwise', group(11, 'Contractors 2')],
  ['left the scope', { ...contractors, outOfScope: true }],
  ['is for distribution alone', { ...contractors, attributes: { ...contractors.attributes, groupType: ['2'] } }],
])('GIVEN a group that excludes, and that a policy names, WHEN it %s THEN both are told', (_, row) => {
  expect(inVain(x, row, exempt)).toEqual(withoutContractors);
});

test('GIVEN none of the groups THEN each name is told, and a group of that name in another directory is not selected', () => {
  expect(inVain()).toEqual([
    ['ROLE_MAPPING_MATCHES_NOTHING', { mapping: 'x' }],
    ...withoutContractors,
    ['POLICY_GROUP_MATCHES_NOTHING', { group: 'S-1-5-21-1-2-3-20' }],
  ]);
  expect(namedGroups(access, [{ ...x, domain: 'partner.example.com' }]).selected).toEqual([]);
});
