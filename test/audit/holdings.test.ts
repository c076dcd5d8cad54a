/** Who held what when, against a straightforward model, for random histories. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { grantAt, type Holding, holdings, isHeldAt, roleKey, stateAt } from '../../handlers/audit/answers/holdings.ts';
import { what, who } from '../../handlers/audit/answers/who.ts';
import type { ChainedRecord } from '../../handlers/audit/audit-record.ts';
import type { Grant, Subject } from '../../handlers/events/catalogue.ts';
import { denialOf, grantOf, Teller } from './told-trail.ts';
import { recordsIn } from './trail-in-memory.ts';

const roles = ['developers', 'admins'];
const targets = ['wiki', 'identity-center'];

/** What a user is to hold after each decision: which of the four grants. */
const history = fc.array(fc.record({ user: fc.nat(2), holds: fc.subarray([0, 1, 2, 3]), wait: fc.nat(3) }), { maxLength: 25 });

interface Moment {
  readonly at: string;
  /** Keys of grants by user. */
  readonly held: ReadonlyMap<string, readonly string[]>;
}

/** Tells a history, and what was held after each decision: the model. */
function told(steps: readonly { readonly user: number; readonly holds: readonly number[]; readonly wait: number }[]) {
  const teller = new Teller();
  const users = ['ada', 'alan', 'grace'].map((name) => teller.user(name));
  const held = new Map<string, Map<string, Grant>>();
  const moments: Moment[] = [];
  for (const { user, holds, wait } of steps) {
    const subject = users[user] as Subject;
    teller.wait(wait);
    const at = new Date(Date.parse(teller.now) + 1000).toISOString();
    const before = held.get(subject.name) ?? new Map<string, Grant>();
    const after = new Map(
      holds.map((index) => {
        const grant = grantOf(roles[index % 2] as string, targets[index >> 1] as string, at);
        return [roleKey(grant), before.get(roleKey(grant)) ?? grant];
      }),
    );
    const without = (from: Map<string, Grant>, other: Map<string, Grant>) =>
      [...from].flatMap(([key, grant]) => (other.has(key) ? [] : [grant]));
    teller.decided(subject, { granted: without(after, before), revoked: without(before, after), holds: [...after.values()] });
    held.set(subject.name, after);
    moments.push({ at, held: new Map([...held].map(([name, grants]) => [name, [...grants.keys()].sort()])) });
  }
  return { teller, users, moments };
}

const heldBy = (all: readonly Holding[], name: string, at?: string): readonly string[] =>
  all
    .filter((one) => one.subject.name === name && isHeldAt(one, at))
    .map(roleKey)
    .sort();

const inLog = (teller: Teller): readonly ChainedRecord[] => teller.lines.map((line) => JSON.parse(line) as ChainedRecord);

describe('holdings', () => {
  test('GIVEN random decisions in any order WHEN they are folded THEN at every moment they are those of the model', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (steps, order) => {
        const { teller, moments } = told(steps);
        const shuffled = inLog(teller)
          .map((record) => ({ record, place: order.next().value }))
          .sort((one, other) => one.place - other.place)
          .map(({ record }) => record);
        const all = holdings(shuffled);
        for (const { at, held } of moments)
          for (const [name, keys] of held) expect(heldBy(all, name, at), `${name} at ${at}`).toEqual(keys);
        const last = moments.at(-1)?.held ?? new Map<string, readonly string[]>();
        for (const [name, keys] of last) expect(heldBy(all, name)).toEqual(keys);
        expect(new Set(all.map((one) => `${one.subject.guid}/${roleKey(one)}/${one.since}`)).size).toBe(all.length);
      }),
    );
  });

  test('GIVEN random decisions of which the first are lost WHEN they are folded THEN what is held is known since when it was given', () => {
    fc.assert(
      fc.property(history, fc.nat(), (steps, cut) => {
        const { teller, moments } = told(steps);
        const records = inLog(teller);
        const rest = records.slice(records.length === 0 ? 0 : cut % records.length);
        const [whole, part] = [holdings(records), holdings(rest)];
        const seen = new Set(rest.map(({ unmapped }) => unmapped.subject.name));
        for (const name of seen) expect(heldBy(part, name)).toEqual(moments.at(-1)?.held.get(name));
        const sinces = new Set(whole.map((one) => `${one.subject.guid}/${roleKey(one)}/${one.since}/${one.until}`));
        for (const one of part) expect(sinces).toContain(`${one.subject.guid}/${roleKey(one)}/${one.since}/${one.until}`);
      }),
    );
  });

  test('GIVEN random decisions WHEN all users and all roles are asked about THEN every grant of a role is one of its user, and reversed', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.option(fc.nat(60), { nil: undefined }), async (steps, seconds) => {
        const { teller, users } = told(steps);
        const records = recordsIn(teller);
        const at = seconds === undefined ? undefined : new Date(Date.parse('2025-03-01T10:00:00.000Z') + seconds * 1000);
        const unless =
          <T>(nothing: T) =>
          (error: unknown) => {
            expect(error).toMatchObject({ name: 'AnswerError', kind: 'unknown' });
            return nothing;
          };
        const ofUsers = [];
        for (const { guid } of users) ofUsers.push(...(await who(records, guid, { at }).catch(unless({ grants: [] }))).grants);
        const ofRoles = [];
        for (const role of roles) ofRoles.push(...(await what(records, role, { at }).catch(unless([]))));
        const shown = (all: readonly object[]) => all.map((one) => JSON.stringify(one)).sort();
        expect(shown(ofRoles)).toEqual(shown(ofUsers));
      }),
      { numRuns: 40 },
    );
  });

  test('GIVEN a grant whose way changes while it is held WHEN it is asked about THEN it is told as it was then', () => {
    const teller = new Teller();
    const ada = teller.user('ada');
    const grant = grantOf('developers', 'wiki', '2025-03-01T10:00:01.000Z');
    const other = { ...grant, policies: ['another'] };
    teller.decided(ada, { granted: [grant], holds: [grant] });
    const changed = teller.wait(10);
    teller.decided(ada, { holds: [other] });
    const [holding] = holdings(inLog(teller)) as [Holding];
    expect([grantAt(holding, changed).policies, grantAt(holding).policies]).toEqual([['mapped-grants'], ['another']]);
    expect(grantAt(holding, '2025-01-01T00:00:00.000Z')).toEqual(grant);
  });

  test('GIVEN what was done at the target WHEN it is asked about THEN the state tells it apart from what was decided', () => {
    const teller = new Teller();
    const ada = teller.user('ada');
    const grant = grantOf('developers', 'wiki', '2025-03-01T10:00:01.000Z');
    const state = () => stateAt(holdings(inLog(teller))[0] as Holding);
    const decided = teller.decided(ada, { granted: [grant], holds: [grant] });
    expect(state()).toBe('decided');
    teller.given(ada, grant, decided);
    expect(state()).toBe('held');
    const violates = { ...grant, violates: ['no-admins'] };
    teller.event('AccessViolationFound', ada, { grant: violates, denial: denialOf('developers', 'wiki'), outcome: 'reported' });
    expect(state()).toBe('violates');
    const revoked = teller.decided(ada, { revoked: [violates] });
    expect(state()).toBe('ending');
    teller.taken(ada, violates, revoked);
    expect(state()).toBe('ended');
    expect(stateAt(holdings(inLog(teller))[0] as Holding, decided.detectedAt)).toBe('decided');
  });
});
