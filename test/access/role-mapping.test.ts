/** Which group gives which role: what is refused at synth, and what a mapping gives to a group. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { matchRole, parseRoleMappings, type RoleMapping } from '../../handlers/access/role-mapping.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';

const group = {
  dn: 'CN=AWS-Developers,OU=Groups,DC=corp,DC=example,DC=com',
  sid: 'S-1-5-21-1004336348-1177238915-682003330-1109',
  name: 'AWS-Developers',
};
const mapping = (selector: RoleMapping['group'], role = 'developers'): RoleMapping => ({ id: 'one', group: selector, role });

describe('a mapping that names a group', () => {
  test.each([
    ['as it is written', group.dn],
    ['in another case', group.dn.toUpperCase()],
    ['with spaces after the commas', 'CN=AWS-Developers, OU=Groups, DC=corp, DC=example, DC=com'],
    ['with an escaped letter', 'CN=AWS\\2dDevelopers,OU=Groups,DC=corp,DC=example,DC=com'],
  ])('by DN %s WHEN it is that group THEN it gives the role', (_, dn) => {
    expect(matchRole(mapping({ dn }), group)).toBe('developers');
  });

  test('by DN WHEN the group lies elsewhere, or its DN is unknown, THEN it gives nothing', () => {
    expect(matchRole(mapping({ dn: group.dn }), { ...group, dn: group.dn.replace('OU=Groups', 'OU=Other') })).toBeUndefined();
    expect(matchRole(mapping({ dn: group.dn }), { ...group, dn: '' })).toBeUndefined();
    expect(matchRole(mapping({ dn: group.dn }), { ...group, dn: 'no name' })).toBeUndefined();
  });

  test('by SID WHEN the SID is the same to the last digit THEN it gives the role, else nothing', () => {
    expect(matchRole(mapping({ sid: group.sid }), { ...group, name: 'Renamed', dn: 'CN=Renamed,DC=example,DC=com' })).toBe('developers');
    expect(matchRole(mapping({ sid: `${group.sid}0` }), group)).toBeUndefined();
    expect(matchRole(mapping({ sid: group.sid }), { ...group, sid: undefined })).toBeUndefined();
  });

  test('by name WHEN only the case differs THEN it gives the role; a part of the name is not enough', () => {
    expect(matchRole(mapping({ name: 'aws-DEVELOPERS' }), group)).toBe('developers');
    expect(matchRole(mapping({ name: 'AWS' }), group)).toBeUndefined();
    expect(matchRole(mapping({ name: group.name }), { ...group, name: undefined })).toBeUndefined();
  });

  test.each(['Ärzte & Pflege', 'a.b*c', '$special', 'x (y)', '研发'])('by the odd name %j THEN it is that name and no pattern', (name) => {
    const [parsed] = parseRoleMappings([{ id: 'odd', group: { name }, role: name }]);
    expect(parsed && matchRole(parsed, { ...group, name })).toBe(name);
    expect(parsed && matchRole(parsed, { ...group, name: `${name}x` })).toBeUndefined();
  });
});

describe('a mapping with a pattern', () => {
  const teams = mapping({ pattern: '^AWS-(?<team>[a-z]+)-(?<level>[a-z]+)?$' }, '$<team>/$<level>');

  test('WHEN it has captures THEN the role is made of them', () => {
    expect(matchRole(teams, { ...group, name: 'AWS-blue-admin' })).toBe('blue/admin');
    expect(matchRole(mapping({ pattern: '^AWS-(?<t>.+)$' }, '$<t>-$<t>'), { ...group, name: 'AWS-$&' })).toBe('$&-$&');
  });

  test('invariant 7: WHEN a capture took part in nothing THEN nothing is granted', () => {
    expect(matchRole(teams, { ...group, name: 'AWS-blue-' })).toBeUndefined();
  });

  test.each([
    ['a reserved name', 'AWS-Administrator', '$<team>'],
    ['a character that the target refuses', 'AWS-a\u0007b', '$<team>'],
    ['a name that is too long', `AWS-${'a'.repeat(81)}`, '$<team>'],
  ])('invariant 7: WHEN a capture makes the role %s THEN nothing is granted', (_, name, role) => {
    expect(matchRole(mapping({ pattern: '^AWS-(?<team>.+)$' }, role), { ...group, name })).toBeUndefined();
  });

  test.each(['^AWS-Developers|Guests$', '^Guests|AWS-Developers$'])('invariant 7: %s matches whole names only', (pattern) => {
    expect(matchRole(mapping({ pattern }), group)).toBe('developers');
    expect(matchRole(mapping({ pattern }), { ...group, name: 'AWS-Developers-Trainees' })).toBeUndefined();
    expect(matchRole(mapping({ pattern }), { ...group, name: 'Not-AWS-Developers' })).toBeUndefined();
  });

  test('GIVEN any group name THEN the role of a capture is that name or nothing, never a part of it', () => {
    const whole = mapping({ pattern: '^(?<all>.*)$' }, '$<all>');
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (name) => {
        const role = matchRole(whole, { ...group, name });
        expect(role === undefined || role === name).toBe(true);
      }),
    );
  });
});

describe('parsing role mappings', () => {
  test('WHEN all are right THEN they come back as they are, in order', () => {
    const right = [
      { id: 'a', group: { name: 'AWS-Developers' }, role: 'Developers of Example' },
      { id: 'b.2_x-1', group: { dn: group.dn }, role: 'auditors' },
      { id: 'c', group: { sid: group.sid }, role: 'a'.repeat(80) },
      { id: 'd', group: { pattern: '^AWS-(?<team>[a-z]+)$' }, role: 'team-$<team>' },
    ];
    expect(parseRoleMappings(right)).toEqual(right);
    expect(parseRoleMappings([])).toEqual([]);
  });

  const one = (change: object) => [{ id: 'one', group: { name: 'x' }, role: 'r', ...change }];
  test.each<[string, unknown, RegExp]>([
    ['no list', { id: 'one' }, /Array/],
    ['an id with a space', one({ id: 'a b' }), /0\.id must be 1 to 63 letters.*"a b"/],
    ['an id twice', [...one({}), ...one({})], /two role mappings have the same id/],
    ['a DN that is none', one({ group: { dn: 'AWS-Developers' } }), /is no distinguished name \(RFC 4514\) \(got "AWS-Developers"\)/],
    ['a SID that is none', one({ group: { sid: 'S-1-5-32-x' } }), /is no SID \(S-1-5-21-…\) \(got "S-1-5-32-x"\)/],
    ['an empty name', one({ group: { name: '' } }), /0\.group\.name/],
    ['two selectors', one({ group: { name: 'x', sid: group.sid } }), /0\.group must be exactly one of/],
    ['no selector', one({ group: {} }), /0\.group must be exactly one of/],
    ['a selector of another name', one({ group: { guid: 'x' } }), /0\.group must be exactly one of/],
    [
      'a pattern without anchors',
      one({ group: { pattern: 'AWS-.*' } }),
      /no regular expression anchored with \^ and \$, .+ \(got "AWS-\.\*"\)/,
    ],
    ['a pattern that is no regular expression', one({ group: { pattern: '^AWS-($' } }), /no regular expression/],
    ['an empty role', one({ role: '' }), /0\.role/],
    ['a role of 81 characters', one({ role: 'r'.repeat(81) }), /0\.role/],
    ['a role with a tab', one({ role: 'a\tb' }), /0\.role holds characters the target refuses \(got "a\\tb"\)/],
    ['a reserved role', one({ role: 'awsAdministrators' }), /is reserved by IAM Identity Center \(got "awsAdministrators"\)/],
    ['a capture without a pattern', one({ role: 'team-$<team>' }), /0\.role uses a capture that its group selector has not.*\(\?<team>…\)/],
    [
      'a capture that the pattern has not',
      one({ group: { pattern: '^AWS-(?<team>.+)$' }, role: 'team-$<taem>' }),
      /0\.role uses a capture that its group selector has not/,
    ],
    ['a key too many', one({ target: 'x' }), /target/],
    ['1,001 mappings', Array.from({ length: 1001 }, (_, index) => ({ ...one({})[0], id: `m${index}` })), /more than 1,000/],
  ])('fails for %s, naming the value and the remedy', (_, value, message) => {
    expect(() => parseRoleMappings(value)).toThrow(ConfigurationError);
    expect(() => parseRoleMappings(value)).toThrow(message);
  });

  test('fails once for all that is wrong', () => {
    expect(() => parseRoleMappings([{ id: '', group: { name: 'x' }, role: '' }])).toThrow(/0\.id.*0\.role/);
  });
});

test.each(['AWS-Adminſ', 'AWS-\u212aings'])('GIVEN the look-alike name %s THEN no mapping selects it', (name) => {
  const group = { dn: 'CN=x,DC=example,DC=com', name };
  expect(matchRole({ id: 'a', group: { pattern: '^AWS-(?:Admins|Kings)$' }, role: 'admins' }, group)).toBeUndefined();
  expect(matchRole({ id: 'b', group: { name: 'AWS-Kings' }, role: 'kings' }, group)).toBeUndefined();
});

test.each(['^(a+)+$', '^(?:[a-z]*)*$', '^(x{2,})+$'])('fails for the pattern %s, which could take minutes', (pattern) => {
  expect(() => parseRoleMappings([{ id: 'a', group: { pattern }, role: 'r' }])).toThrow(/repeated group that repeats inside/);
});
