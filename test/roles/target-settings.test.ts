/** A target as its function gets it, and as events name it. */
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { subjectSchema } from '../../handlers/events/catalogue.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';
import { parseTargetSettings } from '../../handlers/roles/target-settings.ts';
import { targetSubject } from '../../handlers/roles/target-subject.ts';
import { targetKinds, targetOf } from '../../handlers/roles/targets/index.ts';

const settings = { name: 'identity-center', kind: 'identity-center', settings: { identityStoreId: 'd-1234567890' } };

describe('settings of a target', () => {
  test('WHEN they leave out what has a default THEN it is filled in', () => {
    const parsed = parseTargetSettings(JSON.stringify(settings));
    expect(parsed).toMatchObject({ ...settings, onInactive: 'deactivate', onDeleted: 'delete' });
    expect(parsed.guard.revocations.hour.most).toBeGreaterThan(0);
  });

  test('WHEN they are written out and read again THEN they are the same', () => {
    const given = { ...settings, onInactive: 'keep', onDeleted: 'deactivate', attributes: { title: 'title' }, guard: { expiryHours: 2 } };
    const parsed = parseTargetSettings(JSON.stringify(given));
    expect(parseTargetSettings(JSON.stringify(parsed))).toEqual(parsed);
  });

  test.each<[string, unknown, RegExp]>([
    ['no JSON', '{', /TARGET/],
    ['without a name', { ...settings, name: undefined }, /name/],
    ['of a name that keys cannot begin with', { ...settings, name: 'a#b' }, /name: .*hyphens/],
    ['of an unknown end', { ...settings, onDeleted: 'destroy' }, /onDeleted/],
    ['of two wrong values', { ...settings, onDeleted: 'destroy', onInactive: 'sleep' }, /onInactive.*onDeleted/],
    ['of an attribute that no profile has', { ...settings, attributes: { password: 'unicodePwd' } }, /attributes/],
  ])('fails when they are %s, and says which', (_, given, message) => {
    const parse = () => parseTargetSettings(typeof given === 'string' ? given : JSON.stringify(given));
    expect(parse).toThrow(ConfigurationError);
    expect(parse).toThrow(message);
  });
});

describe('kinds of target', () => {
  test('WHEN a target is of a kind THEN it is opened with its checked settings', () => {
    expect(targetOf(settings)).toMatchObject({ secret: false, callsPerSecond: 19 });
  });

  test.each([
    [{ bearer: true }, true],
    [{ clientCredentials: { tokenUrl: 'https://login.example.com/token' } }, true],
    [{ webIdentity: { audience: 'wiki' } }, false],
  ])('GIVEN a SCIM server WHEN it is logged on to with %j THEN a secret is read: %s', (authentication, secret) => {
    const scim = { kind: 'scim', settings: { endpoint: 'https://wiki.example.com/scim/v2', authentication } };
    expect(targetOf({ ...settings, ...scim })).toMatchObject({ secret });
  });

  test('fails for a kind that there is none of, and names all', () => {
    const open = () => targetOf({ ...settings, kind: 'toString' });
    expect(open).toThrow(ConfigurationError);
    for (const kind of Object.keys(targetKinds)) expect(open).toThrow(kind);
  });

  test('fails for settings that are not of its kind, and says which', () => {
    expect(() => targetOf({ ...settings, settings: { identityStoreId: 'somewhere' } })).toThrow(/identityStoreId/);
  });
});

test('WHEN an event is about a target THEN its subject is valid, and the same for the same name alone', () => {
  const subject = targetSubject('identity-center');
  expect(v.parse(subjectSchema, subject)).toEqual(subject);
  expect(targetSubject('identity-center')).toEqual(subject);
  expect(targetSubject('wiki').guid).not.toBe(subject.guid);
});
