/** Which groups a selector means: one by one, and many at once as a naive reader would find them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { captureNames, type GroupSelector, selectorIndex } from '../../handlers/access/group-selector.ts';
import { distinguishedNameKey } from '../../handlers/directory/distinguished-name.ts';
import type { ObjectRow } from '../../handlers/directory/mirror.ts';
import { base } from '../directory/rows.ts';
import { group as groupOf } from './decisions.ts';

const sid = 'S-1-5-21-1004336348-1177238915-682003330-1109';
const developers = groupOf(10, 'AWS-Developers', { sid });
const named = (name: string): ObjectRow => groupOf(10, name);

/** What a selector captures of a group; undefined when it does not mean it. */
const captured = (selector: GroupSelector, group: ObjectRow, meant: 'surely' | 'maybe' = 'surely') =>
  selectorIndex([[selector, 'it']], meant)(group)[0]?.captures;
const selects = (...args: Parameters<typeof captured>): boolean => captured(...args) !== undefined;

describe('a selector', () => {
  test.each([
    ['as it is written', developers.dn],
    ['in another case', developers.dn.toUpperCase()],
    ['with spaces after the commas', developers.dn.replaceAll(',', ', ')],
    ['with an escaped letter', developers.dn.replace('AWS-', 'AWS\\2d')],
  ])('by DN %s WHEN it is that group THEN it means it', (_, dn) => {
    expect(selects({ dn }, developers)).toBe(true);
  });

  test.each(['', 'no name', `CN=AWS-Developers,OU=Other,${base}`])('by DN WHEN the group lies at %j THEN it does not mean it', (dn) => {
    expect(selects({ dn: developers.dn }, { ...developers, dn })).toBe(false);
  });

  test('by SID WHEN the SID is the same to the last digit THEN it means it, whatever it is called by now', () => {
    expect(selects({ sid }, groupOf(11, 'Renamed', { sid }))).toBe(true);
    expect(selects({ sid: `${sid}0` }, developers)).toBe(false);
    expect(selects({ sid }, { ...developers, sid: undefined })).toBe(false);
  });

  test('by name WHEN only the case differs THEN it means it; a part of the name is not enough', () => {
    expect(selects({ name: 'aws-DEVELOPERS' }, developers)).toBe(true);
    expect(selects({ name: 'AWS' }, developers)).toBe(false);
    expect(selects({ name: 'AWS-Developers' }, { ...developers, attributes: {} })).toBe(false);
  });

  test.each(['Ärzte & Pflege', 'a.b*c', '$special', 'x (y)', '研发', ',+"\\<>;=#'])(
    'by the odd name %j THEN it is that name, no pattern',
    (name) => {
      expect(selects({ name }, named(name))).toBe(true);
      expect(selects({ name }, named(`${name}x`))).toBe(false);
    },
  );

  test('by a pattern with captures WHEN it fits THEN they hold what they took, undefined for what took part in nothing', () => {
    const pattern = '^AWS-(?<team>[a-z]+)-(?<level>[a-z]+)?$';
    expect(captured({ pattern }, named('AWS-blue-admin'))).toEqual({ team: 'blue', level: 'admin' });
    expect(captured({ pattern }, named('AWS-blue-'))).toEqual({ team: 'blue', level: undefined });
    expect(captureNames({ pattern })).toEqual(['team', 'level']);
  });

  test.each(['^AWS-Developers|Guests$', '^Guests|AWS-Developers$'])(
    'invariant 7: by the pattern %s it means whole names only',
    (pattern) => {
      expect(selects({ pattern }, developers)).toBe(true);
      expect(selects({ pattern }, named('AWS-Developers-Trainees'))).toBe(false);
      expect(selects({ pattern }, named('Not-AWS-Developers'))).toBe(false);
    },
  );

  test.each([
    ['AWS-Admin\u017f', { pattern: '^AWS-(?:Admins|Kings)$' }],
    ['AWS-\u212aings', { pattern: '^AWS-(?:Admins|Kings)$' }],
    ['AWS-\u212aings', { name: 'AWS-Kings' }],
    ['AWS-\u212bngström', { name: 'AWS-\u00e5ngström' }],
    ['AWS-\u2126mega', { name: 'AWS-\u03c9mega' }],
    ['AWS-\u03f4eta', { name: 'AWS-\u03b8eta' }],
    ['AWS-\u1c81', { pattern: '^AWS-\\p{Script=Cyrillic}$' }],
    ['AWS-\u03d0eta', { pattern: '^AWS-\u03b2eta$' }],
  ])('invariant 7: GIVEN the look-alike name %s THEN what gives does not mean it, and what excludes does', (name, selector) => {
    expect(selects(selector, named(name))).toBe(false);
    expect(selects(selector, named(name), 'maybe')).toBe(true);
  });

  test('invariant 7: GIVEN a group whose DN cannot be read WHEN one is excluded by DN THEN it may be this one', () => {
    expect(selects({ dn: developers.dn }, { ...developers, dn: 'no name' }, 'maybe')).toBe(true);
    expect(selects({ name: 'Others' }, { ...developers, dn: 'no name' }, 'maybe')).toBe(false);
  });
});

/** The same question, asked selector by selector. */
function naive(selector: GroupSelector, group: ObjectRow): Record<string, string | undefined> | undefined {
  const name = group.attributes.sAMAccountName?.[0] ?? '';
  if ('dn' in selector) return distinguishedNameKey(selector.dn) === distinguishedNameKey(group.dn) ? {} : undefined;
  if ('sid' in selector) return selector.sid === group.sid ? {} : undefined;
  if ('name' in selector) return selector.name.toLowerCase() === name.toLowerCase() ? {} : undefined;
  const match = new RegExp(selector.pattern, 'iu').exec(name);
  return match === null ? undefined : { ...match.groups };
}

test('GIVEN any selectors and a group THEN those that mean it are found, in their order, with what they capture', () => {
  const name = fc.constantFrom('AWS-Blue', 'aws-blue', 'AWS-Red', 'Printers');
  const number = fc.integer({ min: 10, max: 12 });
  const selector: fc.Arbitrary<GroupSelector> = fc.oneof(
    name.map((text) => ({ name: text })),
    fc.tuple(number, name).map(([digit, text]) => ({ sid: groupOf(digit, text).sid ?? '' })),
    name.map((text) => ({ dn: groupOf(10, text).dn.toLowerCase() })),
    fc.constantFrom('^AWS-(?<team>[a-z]+)$', '^AWS-.*$', '^(?<all>.*)$', '^x$').map((pattern) => ({ pattern })),
  );
  fc.assert(
    fc.property(fc.array(selector, { maxLength: 12 }), number, name, (selectors, digit, text) => {
      const group = groupOf(digit, text);
      const found = selectorIndex(
        selectors.map((one, index) => [one, index] as const),
        'surely',
      )(group);
      const expected = selectors.flatMap((one, value) => {
        const captures = naive(one, group);
        return captures === undefined ? [] : [{ value, captures }];
      });
      expect(found).toEqual(expected);
    }),
  );
});
