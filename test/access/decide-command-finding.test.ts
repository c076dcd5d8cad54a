/** Whom a name on the command line means. */
import { describe, expect, it } from 'vitest';
import { ExplanationError } from '../../handlers/access/decide-command/explanation-error.ts';
import { findPrincipal } from '../../handlers/access/decide-command/find-principal.ts';
import { base, groupObject, guidOf, objectRow, sidOf, userObject } from '../directory/rows.ts';

const ada = objectRow(userObject(1, 'ada', { userPrincipalName: ['Ada@corp.example.com'], displayName: ['Ada Example'] }));
const bob = objectRow(userObject(2, 'bob', { userPrincipalName: ['bob@corp.example.com'] }));
const group = objectRow(groupObject(9, 'AWS-Developers'));
const objects = [group, ada, bob];

describe('finding a person', () => {
  it.each([
    ['sAMAccountName', 'ADA'],
    ['user principal name', 'ada@CORP.example.com'],
    ['distinguished name', `cn=Ada, ou=people, ${base}`],
    ['SID', sidOf(1).toLowerCase()],
    ['objectGUID', guidOf(1).toUpperCase()],
    ['objectGUID in braces', `{${guidOf(1)}}`],
    ['a name with spaces around', ' ada '],
  ])('GIVEN a %s THEN it is who bears it', (_, name) => {
    expect(findPrincipal(objects, name)).toBe(ada);
  });

  it('GIVEN a name that a deleted account had too THEN the living one is meant; alone, the deleted one', () => {
    const deleted = objectRow(userObject(3, 'ada'), { deleted: true });
    expect(findPrincipal([deleted, ...objects], 'ada')).toBe(ada);
    expect(findPrincipal([deleted, bob], 'ada')).toBe(deleted);
  });

  it('fails for a part of a name, with whom it may mean', () => {
    expect(() => findPrincipal(objects, 'exam')).toThrow(ExplanationError);
    expect(() => findPrincipal(objects, 'exam')).toThrow(/may be Ada@corp\.example\.com \(CN=ada,/);
  });

  it('fails for a name of two domains, with both', () => {
    const other = { ...bob, domain: 'other.example.com', attributes: { sAMAccountName: ['ada'] } };
    expect(() => findPrincipal([...objects, other], 'ada')).toThrow(/Ada@corp\.example\.com .*, ada \(.*objectGUID/);
  });

  it('fails for a group, and says that it is one', () => {
    expect(() => findPrincipal(objects, 'AWS-Developers')).toThrow('it is a group, and only users hold roles');
  });

  it('fails for a name of nobody', () => {
    expect(() => findPrincipal(objects, 'eve')).toThrow('no user "eve" in the mirror: give a sAMAccountName');
    expect(() => findPrincipal(objects, 'eve')).toThrow(/objectGUID of one of Ada@corp\.example\.com \(/);
    expect(() => findPrincipal([], 'eve')).toThrow('of one of 0 users');
    expect(() =>
      findPrincipal(
        Array.from({ length: 30 }, (_, index) => objectRow(userObject(index, `u${index}`))),
        'u',
      ),
    ).toThrow('20 more');
  });
});
