/** What a target is told of a person: fallbacks, other attributes, and odd names as they are. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decide } from '../../handlers/access/decide.ts';
import { profileOf } from '../../handlers/access/profile.ts';
import { leafName } from '../../handlers/directory/distinguished-name.ts';
import { parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { context, contextOf, group, member, user } from './decisions.ts';

const person = {
  displayName: ['Ada Example'],
  givenName: ['Ada'],
  sn: ['Example'],
  mail: ['ada@example.com'],
  title: ['Engineer'],
};

describe('a profile', () => {
  test('GIVEN a person with nothing but an account name THEN it has all that a target asks for', () => {
    expect(profileOf(user({ userPrincipalName: [] }))).toEqual({
      userName: 'ada@corp.example.com',
      displayName: 'ada',
      givenName: 'ada',
      familyName: 'ada',
    });
  });

  test('WHEN no attributes are named THEN it has the usual ones alone', () => {
    expect(profileOf(user(person))).toEqual({
      userName: 'ada@corp.example.com',
      displayName: 'Ada Example',
      givenName: 'Ada',
      familyName: 'Example',
      email: 'ada@example.com',
    });
  });

  test('WHEN a target names attributes THEN they come in their place, in any case', () => {
    expect(profileOf(user(person), { userName: 'MAIL', title: 'Title', department: 'department' })).toMatchObject({
      userName: 'ada@example.com',
      title: 'Engineer',
    });
    expect(profileOf(user(person), { department: 'department' })).not.toHaveProperty('department');
  });

  test.each([[[]], [['']], [['   ']]])(
    'GIVEN a person whose mail is %j WHEN it is the user name THEN the account name stands in',
    (mail) => {
      const profile = profileOf(user({ ...person, mail, userPrincipalName: [] }), { userName: 'mail' });
      expect(profile.userName).toBe('ada@corp.example.com');
      expect(profile).not.toHaveProperty('email');
    },
  );

  test('GIVEN two people with one mail THEN both have it: whose it is, is for the target to say', () => {
    const [one, other] = [user(person), user({ ...person, sAMAccountName: ['bob'], userPrincipalName: ['bob@corp.example.com'] })];
    expect(profileOf(one).email).toBe(profileOf(other).email);
    expect(profileOf(one).userName).not.toBe(profileOf(other).userName);
  });
});

const sharedData = new URL('../../../shared/data/odd-names.json', import.meta.url);
const present = existsSync(sharedData);
if (!present) {
  if (process.env.CI) throw new Error(`the shared test data is missing: ${sharedData.pathname}`);
  console.warn(`odd names of the shared data are not tested: ${sharedData.pathname} is not there`);
}
const shared: readonly { readonly dn: string; readonly valid?: boolean }[] = present ? JSON.parse(readFileSync(sharedData, 'utf8')) : [];
const ours = [
  ',+"\\<>;=#',
  '研发 👩‍💻',
  'x'.repeat(256),
  'é'.normalize('NFD'),
  '__proto__',
  '$<team>',
  'a/b#c',
  '\u202eadmin',
  "O'Hara; DROP",
];

/** The names that people and groups could have by these DNs; a DN that is none is a name like any other. */
const nameOf = (dn: string): string => {
  try {
    return leafName(dn);
  } catch {
    return dn;
  }
};
const names = [...new Set([...ours, ...shared.flatMap(({ dn }) => [dn, nameOf(dn)])])].filter(
  (name) => name.trim() !== '' && !/[\u017f\u212a]/.test(name),
);

test.each(names)('GIVEN a person and a group of the odd name %j WHEN it is decided THEN the name comes through as it is', (name) => {
  const dn = `CN=${name},DC=example,DC=com`;
  const ada = user({ displayName: [name], givenName: [name], sAMAccountName: [name], name: [name] }, { dn });
  const row = group(10, 'x', { dn, attributes: { sAMAccountName: [name], name: [name] } });
  const law = name.length > 256 ? context : contextOf({ mappings: [{ id: 'odd', group: { name: name }, role: 'odd' }] });
  const item = decide(ada, member(row, group(11, 'AWS-Developers')), undefined, law);
  expect(item?.profiles['identity-center']).toMatchObject({ displayName: name, givenName: name, familyName: name });
  if (law !== context) expect(item?.grants['identity-center/odd']?.group).toEqual({ guid: row.guid, dn, name });
  for (const event of item?.unannounced ?? []) {
    const { Source, DetailType, Detail } = toEntry(event);
    expect(parseEvent({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) })).toEqual(event);
  }
});

test.each(names)(
  'GIVEN a group of the odd name %j WHEN a pattern makes a role of it THEN it is that role, or denied with a reason',
  (name) => {
    const law = contextOf({ mappings: [{ id: 'all', group: { pattern: '^(?<all>[^]*)$' }, role: '$<all>' }] });
    const item = decide(user(), member(group(10, 'x', { attributes: { sAMAccountName: [name], name: [name] } })), undefined, law);
    const [granted, denied] = [Object.values(item?.grants ?? {}), Object.values(item?.denied ?? {})];
    expect([...granted, ...denied]).toHaveLength(1);
    if (granted.length > 0) expect(granted[0]?.role).toBe(name);
    else expect(denied[0]).toMatchObject({ reason: 'role', detail: expect.stringMatching(/ is | holds /) });
    expect(item?.unannounced.map(({ type }) => type)).toEqual([granted.length > 0 ? 'AccessDecided' : 'AccessDenied']);
  },
);
