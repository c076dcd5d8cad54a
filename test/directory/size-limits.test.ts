/** What a directory may hold at most fits an item of DynamoDB and an entry of EventBridge: one that does not would hold up all behind it. */
import { describe, expect, test } from 'vitest';
import { applyPage, type PageContext } from '../../handlers/directory/apply-page.ts';
import { type ChangedObject, mirroredAttributes } from '../../handlers/directory/directory-source.ts';
import { identityEvents } from '../../handlers/directory/identity-events.ts';
import { toChangedObject } from '../../handlers/directory/ldap-entry.ts';
import type { MirrorRow } from '../../handlers/directory/mirror.ts';
import { toEntry } from '../../handlers/events/identity-event.ts';
import { guidBytes } from '../../handlers/platform/object-identity.ts';
import { base, detectedAt, domain, guidOf, sidOf } from './rows.ts';

/** As many attributes as a directory may be set to capture (CaptureSettings). */
const extra = Array.from({ length: 40 }, (_, number) => `extensionAttribute${number}`);
const context: PageContext = {
  ...{ domain, fence: 1, detectedAt, snapshot: false, scope: {}, scopeGroups: [] },
  ...{ primaryGroups: new Map(), lockouts: new Map(), lockoutsAsked: new Set() },
  mirrored: new Set(mirroredAttributes(extra)),
};

/** UTF-8 of names and texts, and one byte for each value and three for each list or map ("DynamoDB item sizes and formats"). */
function itemSize(value: unknown): number {
  if (typeof value !== 'object' || value === null) return Buffer.byteLength(String(value)) + 1;
  return Object.entries(value).reduce(
    (sum, [name, part]) => sum + (Array.isArray(value) ? 0 : Buffer.byteLength(name)) + itemSize(part),
    4,
  );
}

/** "Calculating Amazon EventBridge PutEvents event entry size": the time counts 14 bytes. */
const entrySizes = (before: MirrorRow | undefined, after: MirrorRow): number[] =>
  identityEvents(before, after)
    .map(toEntry)
    .map(({ Source, DetailType, Detail }) => 14 + Buffer.byteLength(Source + DetailType + Detail));

const [item, entry] = [400 * 1024, 256 * 1024];

// JSON writes a quote with two characters, and a control character with six.
describe.each([
  ['letters', 'a'],
  ['letters of three bytes', '名'],
  ['quotes', '"'],
  ['control characters', '\u0001'],
])('GIVEN an account all of whose attributes are long, of %s', (_, character) => {
  const names = ['displayName', 'givenName', 'sn', 'mail', ...extra];
  const account = (length: number): ChangedObject =>
    toChangedObject({
      dn: `<GUID=${guidOf(1)}>;<SID=${sidOf(1)}>;CN=Ada,${base}`,
      objectGUID: guidBytes(guidOf(1)),
      objectClass: ['top', 'person', 'user'],
      name: 'Ada',
      ...Object.fromEntries(names.map((name) => [name, character.repeat(length)])),
    });

  test.each([[4_000], [100_000]])('WHEN values of %i characters take the place of others THEN item and event have room', (length) => {
    const [before] = applyPage([account(length)], [], context);
    const [after] = applyPage([account(length - 1)], before ? [before] : [], context);
    if (before === undefined || after === undefined) throw new Error('no rows');
    expect(itemSize(after)).toBeLessThan(item);
    const sizes = entrySizes(before, after);
    expect(sizes.length).toBeGreaterThan(0);
    expect(Math.max(...sizes)).toBeLessThan(entry);
    // AND each attribute is told, with two values that differ
    const [told] = identityEvents(before, after).filter(({ type }) => type === 'UserUpdated');
    const changes = Object.values(told?.change as Record<string, { before: unknown; after: unknown }>);
    expect(changes).toHaveLength(names.length);
    for (const change of changes) expect(change.before).not.toEqual(change.after);
  });
});

test('GIVEN a fine-grained password policy that applies to 5,000 accounts THEN item and event have room', () => {
  const accounts = Array.from({ length: 5_000 }, (_, number) => ({
    guid: guidOf(number + 10),
    dn: `CN=Person ${number} of the department with the long name,OU=People,${base}`,
  }));
  const policy: ChangedObject = {
    ...{ guid: guidOf(1), dn: `CN=Strict,CN=Password Settings Container,CN=System,${base}`, membersAdded: [], membersRemoved: [] },
    attributes: { objectClass: ['top', 'msDS-PasswordSettings'], name: ['Strict'], 'msDS-MinimumPasswordLength': ['14'] },
  };
  const [before] = applyPage([policy], [], context);
  const applied = { ...policy, attributes: {}, appliesToAdded: accounts };
  const [after] = applyPage([applied], before ? [before] : [], context);
  if (before === undefined || after === undefined) throw new Error('no rows');
  expect(itemSize(after)).toBeLessThan(item);
  expect(Math.max(...entrySizes(before, after))).toBeLessThan(entry);
});
