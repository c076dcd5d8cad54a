import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { captureJson, captureSettings, parseCaptureSettings } from '../../handlers/directory/capture-settings.ts';
import { secretAttributes } from '../../handlers/events/catalogue.ts';
import { ConfigurationError } from '../../handlers/platform/errors.ts';

const defaults = { mode: 'replication', attributes: [], scope: {}, verifyEveryHours: 24, guard: { most: 500, share: 0.1 } };
const people = 'OU=People,DC=corp,DC=example,DC=com';

function refusal(value: unknown): string {
  try {
    parseCaptureSettings(JSON.stringify(value));
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as Error).message;
  }
  throw new Error(`not refused: ${JSON.stringify(value)}`);
}

describe('capture settings', () => {
  test('WHEN nothing is said THEN everything has its default, and the text is {}', () => {
    expect(parseCaptureSettings('{}')).toEqual(defaults);
    expect(captureJson(captureSettings({}))).toBe('{}');
    expect(captureJson(captureSettings(structuredClone(defaults)))).toBe('{}');
  });

  test('WHEN one number of the guard is said THEN the other has its default, and the text has the one', () => {
    const settings = parseCaptureSettings('{"guard":{"most":5}}');
    expect(settings.guard).toEqual({ most: 5, share: 0.1 });
    expect(captureJson(settings)).toBe('{"guard":{"most":5}}');
  });

  test('WHEN the same is said in another order THEN the text is the same', () => {
    const one = captureSettings({
      mode: 'object-security',
      attributes: ['title', 'department'],
      scope: { include: { groups: ['S-1-5-32-545', 'S-1-5-32-544'], organizationalUnits: [people] }, exclude: { filter: '(title=x)' } },
      actorsTable: 'actors',
    });
    const other = captureSettings({
      actorsTable: 'actors',
      verifyEveryHours: 24,
      scope: {
        exclude: { filter: '(title=x)' },
        include: { organizationalUnits: [people, people], groups: ['S-1-5-32-544', 'S-1-5-32-545'] },
      },
      attributes: ['department', 'title'],
      mode: 'object-security',
    });
    expect(captureJson(one)).toBe(captureJson(other));
    expect(captureJson(one)).toBe(
      `{"actorsTable":"actors","attributes":["department","title"],"mode":"object-security","scope":{"exclude":{"filter":"(title=x)"},"include":{"groups":["S-1-5-32-544","S-1-5-32-545"],"organizationalUnits":["${people}"]}}}`,
    );
  });

  test('GIVEN any settings THEN the function reads from the text what the construct was given', () => {
    const rule = fc.record(
      {
        organizationalUnits: fc.uniqueArray(fc.constantFrom(people, 'OU=a', 'OU=b'), { minLength: 1 }),
        groups: fc.uniqueArray(fc.constantFrom('S-1-5-32-544', 'CN=Staff,DC=corp,DC=example,DC=com'), { minLength: 1 }),
        filter: fc.constantFrom('(title=x)', '(!(employeeType=test))'),
      },
      { requiredKeys: ['filter'] },
    );
    const options = fc.record(
      {
        mode: fc.constantFrom('replication', 'object-security'),
        attributes: fc.uniqueArray(fc.constantFrom('title', 'department', 'company', 'msDS-cloudExtensionAttribute1')),
        scope: fc.record({ include: rule, exclude: rule }, { requiredKeys: [] }),
        verifyEveryHours: fc.integer({ min: 1, max: 168 }),
        guard: fc.record({ most: fc.constantFrom(0, 1, 500, 2000), share: fc.constantFrom(0, 0.1, 0.25, 1) }, { requiredKeys: [] }),
        actorsTable: fc.constantFrom('actors', '$' + '{aws_dynamodb_table.actors.name}'),
      },
      { requiredKeys: [] },
    );
    const unordered = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value), (_, inner) => (Array.isArray(inner) ? [...inner].sort() : inner));
    fc.assert(
      fc.property(options, (given) => {
        const settings = captureSettings(given);
        const text = captureJson(settings);
        expect(unordered(parseCaptureSettings(text))).toEqual(unordered(settings));
        expect(captureJson(parseCaptureSettings(text))).toBe(text);
        expect(text).not.toMatch(/null|undefined/);
      }),
    );
  });

  test('WHEN an attribute is stored and replicated THEN it can be asked for', () => {
    const attributes = ['title', 'extensionAttribute15', 'msDS-cloudExtensionAttribute1', 'lastLogonTimestamp', 'manager', 'c'];
    expect(captureSettings({ attributes }).attributes).toEqual(attributes);
  });
});

describe('wrong capture settings', () => {
  test.each([...secretAttributes, 'UNICODEPWD', 'ms-mcs-admpwd'])('fails for the secret attribute %s', (name) => {
    expect(refusal({ attributes: ['title', name] })).toMatch(/attributes\.1 holds a secret and is never captured: leave it out/);
    expect(refusal({ scope: { exclude: { filter: `(${name}=*)` } } })).toMatch(/scope\.exclude\.filter names ".*", which holds a secret/);
  });

  test.each(['', ' ', '1title', 'title ', 'ti_tle', 'member;range=0-1', '2.5.4.12', 'tïtle', '-a', `a${'b'.repeat(256)}`, '*', '+'])(
    'fails for %j, which is no attribute name',
    (name) => {
      expect(refusal({ attributes: [name] })).toMatch(/attributes\.0 is no attribute name \(RFC 4512\)/);
    },
  );

  test.each([
    ['memberOf', /memberships are always told/],
    ['member', /memberships are always told/],
    ['tokenGroups', /memberships are always told/],
    ['msDS-ResultantPSO', /PolicyChanged/],
    ['canonicalName', /every event names its subject/],
    ['objectSid', /every event names its subject/],
    ['allowedAttributes', /stored and replicated/],
    ['DIRECTREPORTS', /stored and replicated/],
    ['msDS-HostServiceAccountBL', /stored and replicated/],
    ['lastLogon', /name lastLogonTimestamp/],
    ['msDS-User-Account-Control-Computed', /name userAccountControl and lockoutTime/],
    ['nTSecurityDescriptor', /AdminSDHolder/],
    ['whenChanged', /stored and replicated/],
  ])('fails for %s, which DirSync does not send, with a remedy', (name, remedy) => {
    const message = refusal({ attributes: [name] });
    expect(message).toMatch(/attributes\.0 is not sent by DirSync with its value: /);
    expect(message).toMatch(remedy);
  });

  test.each<[unknown, RegExp]>([
    [{ attributes: Array.from({ length: 41 }, (_, index) => `a${index}`) }, /attributes are more than 40/],
    [{ attributes: ['title', 'Title'] }, /attributes name one attribute twice/],
    [{ attributes: 'title' }, /attributes/],
    [{ mode: 'dirsync' }, /mode must be replication or object-security \(got "dirsync"\)/],
    [{ verifyEveryHours: 0 }, /verifyEveryHours must be 1 to 168 hours \(got 0\)/],
    [{ verifyEveryHours: 169 }, /verifyEveryHours must be 1 to 168 hours/],
    [{ verifyEveryHours: 1.5 }, /verifyEveryHours must be whole hours/],
    [{ guard: { most: -1 } }, /guard\.most must be 0 to 2000/],
    [{ guard: { most: 2001 } }, /guard\.most must be 0 to 2000/],
    [{ guard: { share: 10 } }, /guard\.share must be 0 to 1 \(got 10\)/],
    [{ guard: { atMost: 1 } }, /guard\.atMost/],
    [{ scope: { include: {} } }, /scope\.include names nothing/],
    [{ scope: { exclude: { filter: '(memberOf=x)' } } }, /scope\.exclude\.filter names "memberOf", .*a scope has groups/],
    [{ actorsTable: '' }, /actorsTable is empty/],
    [{ attribute: ['title'] }, /attribute/],
    ['{}', /capture settings are wrong: .*got "{}"/],
    [null, /capture settings are wrong/],
  ])('fails for %j', (value, message) => {
    expect(refusal(value)).toMatch(message);
  });

  test.each([
    'unixUserPassword',
    'msFVE-RecoveryPassword',
    'msFVE-KeyPackage',
    'msTPM-OwnerInformation',
    'userPKCS12',
    'msPKIAccountCredentials',
    'mspkidpapimasterkeys',
  ])('invariant 10: fails for the attribute %s, which holds a secret', (name) => {
    expect(refusal({ attributes: ['title', name] })).toMatch(/attributes\.1 /);
  });

  test('fails for several wrong values with all of them', () => {
    expect(refusal({ mode: 'x', guard: { share: 2 } })).toMatch(/^capture settings are wrong: mode .*; guard\.share /);
  });

  test.each(['', '{', 'undefined'])('fails for %j, which is no JSON', (text) => {
    expect(() => parseCaptureSettings(text)).toThrow(ConfigurationError);
    expect(() => parseCaptureSettings(text)).toThrow(/capture settings are no JSON: .*; give \{\} for the defaults/);
  });

  test('fails for settings that leave no room in the environment of a function', () => {
    const organizationalUnits = Array.from({ length: 80 }, (_, index) => `OU=Department ${index},${people}`);
    expect(() => captureJson(captureSettings({ scope: { include: { organizationalUnits } } }))).toThrow(/bytes, more than 3072/);
  });
});
