import { describe, expect, it } from 'vitest';
import { checkedMappings, groupsThatGive, nearestRoles } from '../../handlers/access/giving-groups.ts';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';

const mapping = (group: RoleMapping['group'], role: string): RoleMapping => ({ id: 'one', group, role });
const groupOf = (role: string, one: RoleMapping) => groupsThatGive(role, [one])[0]?.group;

describe('GIVEN a role and a mapping WHEN it is asked which group gives it', () => {
  it.each<[string, RoleMapping['group'], string, string, RoleMapping['group'] | undefined]>([
    ['a group by name', { name: 'AWS-Developers' }, 'developers', 'developers', { name: 'AWS-Developers' }],
    ['a group by SID', { sid: 'S-1-5-21-1-2-3-1105' }, 'developers', 'developers', { sid: 'S-1-5-21-1-2-3-1105' }],
    ['another role', { name: 'AWS-Developers' }, 'developers', 'auditors', undefined],
    ['another case of the role', { name: 'AWS-Developers' }, 'developers', 'Developers', undefined],
    ['a capture', { pattern: '^AWS-Team-(?<team>[a-z0-9]+)$' }, 'team-$<team>', 'team-payments', { name: 'AWS-Team-payments' }],
    ['a capture that its class refuses', { pattern: '^AWS-Team-(?<team>[a-z]+)$' }, 'team-$<team>', 'team-7', undefined],
    ['a capture, and nothing in it', { pattern: '^AWS-Team-(?<team>[a-z]+)$' }, 'team-$<team>', 'team-', undefined],
    [
      'two captures',
      { pattern: '^AWS-(?<account>\\d{12})-(?<set>[\\w-]+)$' },
      'AWS-$<account>-$<set>',
      'AWS-111122223333-ReadOnly',
      { name: 'AWS-111122223333-ReadOnly' },
    ],
    ['a capture used twice, alike', { pattern: '^G-(?<x>[a-z]+)$' }, '$<x>-$<x>', 'ops-ops', { name: 'G-ops' }],
    ['a capture used twice, unlike', { pattern: '^G-(?<x>[a-z]+)$' }, '$<x>-$<x>', 'ops-dev', undefined],
    ['escaped characters', { pattern: '^AWS\\.Team-(?<t>[a-z.]+)$' }, 't.$<t>', 't.a.b', { name: 'AWS.Team-a.b' }],
    ['a dot in the role that is none of the template', { pattern: '^T-(?<t>[a-z]+)$' }, 't.$<t>', 'txa', undefined],
    ['what is left open', { pattern: '^(?:EU|US)-(?<t>[a-z]+)$' }, '$<t>', 'ops', { pattern: '^(?:EU|US)-ops$' }],
    ['a bracket in a class', { pattern: '^T[)]-(?<t>[a-z]+)$' }, '$<t>', 'ops', { pattern: '^T[)]-ops$' }],
    [
      'a place',
      { pattern: '^T-(?<t>[a-z]+)$', within: 'OU=G,DC=example,DC=com' },
      '$<t>',
      'x',
      { name: 'T-x', within: 'OU=G,DC=example,DC=com' },
    ],
    ['a pattern without captures', { pattern: '^(?:A|B)$' }, 'both', 'both', { pattern: '^(?:A|B)$' }],
  ])('%s', (_title, group, template, role, expected) => {
    expect(groupOf(role, mapping(group, template))).toEqual(expected);
  });
});

describe('GIVEN several mappings', () => {
  const mappings = [mapping({ name: 'A' }, 'developers'), mapping({ name: 'B' }, 'auditors'), mapping({ name: 'C' }, 'developers')];

  it('WHEN two give the role THEN both groups lead to it, in order', () => {
    expect(groupsThatGive('developers', mappings).map(({ group }) => group)).toEqual([{ name: 'A' }, { name: 'C' }]);
  });

  it('WHEN a role is misspelt THEN the nearest comes first, each once', () => {
    expect(nearestRoles('develpers', mappings)).toEqual(['developers', 'auditors']);
  });

  it('fails for a mapping that role sync would refuse, naming the place', () => {
    expect(() => checkedMappings([{ id: 'x', group: { name: 'A' }, role: '$<team>' }])).toThrow(
      /^role mappings are wrong: 0\.role uses a capture/,
    );
  });
});
