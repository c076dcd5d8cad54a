/** Who should have what, as a pure function of the mirror's rows, the configuration and what the grants table holds. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide } from '../../handlers/access/decide.ts';
import { grantKey, type PrincipalGrants } from '../../handlers/access/grants.ts';
import type { Grant } from '../../handlers/events/catalogue.ts';
import { parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { fileTimeOf } from '../directory/rows.ts';
import {
  announced,
  context,
  contextOf,
  disabled,
  effectiveGroups,
  group,
  identityCenter,
  mappings,
  member,
  principalRow,
  through,
  user,
} from './decisions.ts';

const row = group(10, 'AWS-Developers');
const developers = member(row);
const decided = (item: PrincipalGrants | undefined): PrincipalGrants => {
  if (item === undefined) throw new Error('nothing was decided');
  return item;
};
const decision = (item: PrincipalGrants) => {
  const last = item.unannounced.at(-1);
  if (last?.type !== 'AccessDecided') throw new Error(`the last event is ${last?.type}`);
  return last;
};
const keys = (grants: readonly Grant[]) => grants.map(grantKey).sort();

describe('invariant 7: an account whose time is over, which no poll marked yet', () => {
  const { decidedAt } = context;
  const expiresAt = (iso: string) => user({ accountExpires: [fileTimeOf(iso)] });

  test('THEN nothing is granted to it from that moment on', () => {
    expect(decide(expiresAt(decidedAt), developers, undefined, context)).toBeUndefined();
    expect(decide(expiresAt('2025-03-01T10:00:01.001Z'), developers, undefined, context)).toMatchObject({ state: 'active' });
  });

  test('THEN what it holds is revoked', () => {
    const before = announced(decided(decide(user(), developers, undefined, context)));
    const after = decided(decide(expiresAt('2024-03-01T00:00:00Z'), developers, before, context));
    expect(after).toMatchObject({ state: 'expired', grants: {} });
    expect(decision(after).change.revoked).toHaveLength(2);
  });
});

describe('a decision', () => {
  test('GIVEN a member of a mapped group WHEN it is decided THEN it holds the roles of all mappings, each with its reason', () => {
    const item = decided(decide(user(), developers, undefined, context));
    expect(item).toMatchObject({ revision: Date.parse(context.decidedAt), state: 'active' });
    expect(keys(Object.values(item.grants))).toEqual(['identity-center/developers', 'identity-center/everybody']);
    expect(item.grants['identity-center/developers']).toMatchObject({ mapping: 'developers', group: { guid: row.guid } });
  });

  test('GIVEN two groups that give one role WHEN it is decided THEN the mapping listed first is the reason, whatever the order of groups', () => {
    const [one, two] = [group(11, 'AWS-Team-blue'), group(12, 'AWS-Team-red')];
    const first = decided(decide(user(), member(one, two), undefined, context));
    const second = decided(decide(user(), member(two, one), undefined, context));
    expect(second.grants).toEqual(first.grants);
  });

  test('GIVEN a principal without a mapped group WHEN it never held a role THEN nothing is decided', () => {
    expect(decide(user(), member(group(20, 'Printers')), undefined, context)).toBeUndefined();
  });

  const everybody = contextOf({ mappings: mappings.slice(2) });

  test('GIVEN a role held by one group WHEN another group gives the same THEN the reason changes, and nothing is granted or revoked', () => {
    const before = announced(decided(decide(user(), member(group(11, 'AWS-Team-blue')), undefined, everybody)));
    const after = decided(decide(user(), member(group(12, 'AWS-Team-red')), before, everybody));
    expect(decision(after).change).toMatchObject({
      granted: [],
      revoked: [],
      holds: [{ role: 'everybody', group: { name: 'AWS-Team-red' } }],
    });
  });

  test('GIVEN a grants table that was lost WHEN it is decided anew THEN it goes on above all that targets have done, under ids of its own', () => {
    const first = decided(decide(user(), developers, undefined, context));
    const last = decided(decide(user(disabled), developers, first, context));
    const anew = decided(decide(user(), developers, undefined, { ...context, decidedAt: '2025-03-01T10:01:00.000Z' }));
    expect(anew.revision).toBeGreaterThan(last.revision);
    expect(decision(anew).id).not.toBe(decision(first).id);
    // AND so it is where the table was restored as it was before the last one
    const restored = decided(decide(user(disabled), developers, first, { ...context, decidedAt: '2025-03-01T10:01:00.000Z' }));
    expect(restored.revision).toBeGreaterThan(last.revision);
  });

  test('GIVEN an event that is not out yet WHEN the next decision comes THEN it carries both', () => {
    const before = decided(decide(user(), developers, undefined, context));
    const after = decided(decide(user(disabled), developers, before, context));
    expect(after.unannounced.map(({ revision }) => revision)).toEqual([before.revision, before.revision + 1]);
  });

  test('GIVEN a rename WHEN it is decided THEN the item stays the same one and tells the old and the new name', () => {
    const before = announced(decided(decide(user(), developers, undefined, context)));
    const after = decided(decide(user({ userPrincipalName: ['ada.b@corp.example.com'] }), developers, before, context));
    expect(after.pk).toBe(before.pk);
    expect(decision(after).change.profile).toEqual({
      'identity-center.userName': { before: 'ada@corp.example.com', after: 'ada.b@corp.example.com' },
    });
  });

  test('invariant 4: GIVEN another object under the same name THEN it is another principal', () => {
    const one = decided(decide(user(), developers, undefined, context));
    const other = decided(decide({ ...user(), guid: group(2, 'x').guid }, developers, undefined, context));
    expect(other.pk).not.toBe(one.pk);
  });
});

describe('what is told', () => {
  const nested = (...path: readonly ReturnType<typeof group>[]) => [through(row, ...path)];
  const held = announced(decided(decide(user(), nested(group(40, 'Staff')), undefined, context)));

  test('GIVEN a nested group THEN the grant tells the way to it, and since when it is held', () => {
    expect(held.grants['identity-center/developers']).toMatchObject({
      path: [{ name: 'Staff' }],
      policies: ['mapped-grants'],
      since: context.decidedAt,
    });
    expect(decided(decide(user(), developers, undefined, context)).grants['identity-center/developers']).not.toHaveProperty('path');
  });

  test('GIVEN two ways to a role WHEN one is shorter THEN it is the reason', () => {
    const item = decide(user(), [through(group(11, 'AWS-A'), group(40, 'Staff')), through(group(12, 'AWS-B'))], undefined, context);
    expect(item?.grants['identity-center/everybody']?.group.name).toBe('AWS-B');
  });

  const later = { ...context, decidedAt: '2025-03-02T00:00:00.000Z' };
  const renamed = { ...row, dn: row.dn.replace('AWS-Dev', 'AWS-dev') };
  test.each([
    ['way to the group', developers, later],
    [
      'policy',
      nested(group(40, 'Staff')),
      { ...contextOf({}, { authorize: () => ({ allowed: true, policies: ['other'] }) }), decidedAt: later.decidedAt },
    ],
    ['name of the group', [through(renamed, group(40, 'Staff'))], later],
  ])('GIVEN a role WHEN only the %s differs THEN the item says so, and nothing is told', (_, groups, anew) => {
    const after = decided(decide(user(), groups, held, anew));
    expect(after).toMatchObject({ revision: Date.parse(anew.decidedAt), unannounced: [] });
    expect(after.grants).not.toEqual(held.grants);
    expect(Object.values(after.grants).map(({ since }) => since)).toEqual([context.decidedAt, context.decidedAt]);
  });

  test('GIVEN a role that ended WHEN it is held again THEN it is since then', () => {
    const ended = announced(decided(decide(user(), [], held, context)));
    expect(decided(decide(user(), developers, ended, later)).grants['identity-center/developers']?.since).toBe(later.decidedAt);
  });

  test('GIVEN a role WHEN it brings another account THEN it is told, and neither granted nor revoked', () => {
    const bringing = (account: string) => {
      const targets = { [identityCenter]: { attributes: {}, assignable: { accounts: [account], permissionSets: ['Admin'] } } };
      const mapping = { id: 'a', group: { name: 'AWS-Developers' }, role: 'r', assignments: [{ account, permissionSet: 'Admin' }] };
      return contextOf({ targets, mappings: [mapping] });
    };
    const before = announced(decided(decide(user(), developers, undefined, bringing('111122223333'))));
    const { change } = decision(decided(decide(user(), developers, before, bringing('444455556666'))));
    expect(change).toMatchObject({
      granted: [],
      revoked: [],
      holds: [{ assignments: [{ account: '444455556666', permissionSet: 'Admin' }] }],
    });
  });

  test('GIVEN two targets WHEN a principal holds a role at one THEN only that one is told of it, from then on for good', () => {
    const targets = { [identityCenter]: { attributes: {} }, scim: { attributes: { userName: 'mail', title: 'title' } } };
    const at = (target: string) =>
      contextOf({ targets, mappings: [{ id: 'a', group: { name: 'AWS-Developers' }, role: 'r', targets: [target] }] });
    const ada = user({ mail: ['ada@example.com'], title: ['Engineer'] });
    const first = announced(decided(decide(ada, developers, undefined, at('scim'))));
    expect(first.profiles).toMatchObject({ scim: { userName: 'ada@example.com', title: 'Engineer' } });
    expect(Object.keys(first.profiles)).toEqual(['scim']);
    const second = decided(decide(ada, developers, first, at(identityCenter)));
    expect(Object.keys(second.profiles)).toEqual(['scim', identityCenter]);
    expect(Object.keys(decision(second).change.profile)).toContain('identity-center.userName');
    // AND of a target that is gone from the configuration it keeps what was told
    const { scim } = first.profiles;
    expect(decide(ada, [], first, context)?.profiles).toEqual({ scim });
  });

  test('GIVEN a holder WHEN it is deleted THEN the profile stays: a tombstone has lost its attributes', () => {
    const stripped = {
      ...user({}, { deleted: true }),
      attributes: { sAMAccountName: ['ada'], name: ['ada\nDEL:1'], userAccountControl: ['512'] },
    };
    const after = decided(decide(stripped, developers, held, context));
    expect(after.profiles).toEqual(held.profiles);
    expect(decision(after).change.profile).toEqual({});
  });
});

describe('the state of a principal', () => {
  const held = announced(decided(decide(user(), developers, undefined, context)));
  const states: [string, ReturnType<typeof user>][] = [
    ['disabled', user(disabled)],
    ['expired', user({}, { expired: true })],
    ['outOfScope', user({}, { outOfScope: true })],
    ['deleted', user({}, { deleted: true })],
  ];

  test.each(states)('GIVEN a holder of roles WHEN it is %s THEN it holds none, and the decision says why', (state, row) => {
    const after = decided(decide(row, developers, held, context));
    expect(after).toMatchObject({ state, grants: {} });
    expect(decision(after).change).toMatchObject({ state, granted: [], holds: [] });
    expect(keys(decision(after).change.revoked)).toEqual(Object.keys(held.grants).sort());
    // AND back again
    const back = decided(decide(user(), developers, announced(after), context));
    expect(back).toMatchObject({ state: 'active', grants: held.grants });
  });

  test.each<[string, Partial<ReturnType<typeof user>>, Record<string, readonly string[]>]>([
    ['deleted', { deleted: true, outOfScope: true, expired: true }, disabled],
    ['outOfScope', { outOfScope: true, expired: true }, disabled],
    ['disabled', { expired: true }, disabled],
  ])('GIVEN several reasons WHEN it is decided THEN the state is %s, the strongest of them', (state, change, attributes) => {
    expect(decided(decide(user(attributes, change), developers, held, context)).state).toBe(state);
  });

  test('GIVEN one reason in place of another WHEN it is decided THEN the new state is told, and nothing is revoked twice', () => {
    const expired = announced(decided(decide(user({}, { expired: true }), developers, held, context)));
    const deleted = decided(decide(user({}, { expired: true, deleted: true }), developers, expired, context));
    expect(decision(deleted).change).toMatchObject({ state: 'deleted', revoked: [] });
  });

  test('GIVEN an account that is locked out WHEN it is decided THEN it keeps its roles: the lock ends by itself', () => {
    expect(decide(user({}, { lockedOut: 'never' }), developers, held, context)).toBeUndefined();
  });
});

const unmapped = { id: 'fax', group: { name: 'Fax' }, role: 'fax' };

describe('for any principal, groups and earlier decision', () => {
  const earlier = fc.option(fc.tuple(principalRow, effectiveGroups), { nil: undefined }).map((seen) => {
    const item = seen && decide(seen[0], seen[1], undefined, context);
    return item && announced(item);
  });
  const situation = fc.record({ principal: principalRow, groups: effectiveGroups, current: earlier });

  test('invariant 7: deny wins: who is not surely enabled, or is expired, out of scope or deleted, holds nothing', () => {
    fc.assert(
      fc.property(situation, ({ principal, groups, current }) => {
        const item = decide(principal, groups, current, context);
        const enabled = ['512', '66048'].includes(principal.attributes.userAccountControl?.[0] ?? '');
        if (enabled && !principal.deleted && !principal.expired && !principal.outOfScope) return;
        expect(item?.grants ?? current?.grants ?? {}).toEqual({});
        expect(item?.state ?? current?.state).not.toBe('active');
      }),
    );
  });

  test('invariant 7: a group that is deleted or out of scope, or no mapping of the groups, gives nothing', () => {
    fc.assert(
      fc.property(principalRow, effectiveGroups, (principal, groups) => {
        for (const change of [{ deleted: true }, { outOfScope: true as const }]) {
          const gone = groups.map((one) => ({ ...one, row: { ...one.row, ...change } }));
          expect(decide(principal, gone, undefined, context)).toBeUndefined();
        }
        expect(decide(principal, groups, undefined, contextOf({ mappings: [unmapped] }))).toBeUndefined();
      }),
    );
  });

  test('deciding twice changes nothing', () => {
    fc.assert(
      fc.property(situation, ({ principal, groups, current }) => {
        const item = decide(principal, groups, current, context) ?? current;
        expect(decide(principal, groups, item, { ...context, decidedAt: '2025-03-01T11:00:00.000Z' })).toBeUndefined();
      }),
    );
  });

  test('what is granted, revoked and held agree: held = before + granted − revoked', () => {
    fc.assert(
      fc.property(situation, ({ principal, groups, current }) => {
        const item = decide(principal, groups, current, context);
        if (item === undefined) return;
        const { granted, revoked, holds } = decision(item).change;
        const before = new Set(Object.keys(current?.grants ?? {}));
        for (const key of keys(granted)) expect(before).not.toContain(key);
        for (const key of keys(revoked)) expect(before).toContain(key);
        const after = [...before].filter((key) => !keys(revoked).includes(key)).concat(keys(granted));
        expect(keys(holds)).toEqual(after.sort());
        expect(Object.keys(item.grants).sort()).toEqual(after);
        expect(item.revision).toBe(Math.max(Date.parse(context.decidedAt), (current?.revision ?? 0) + 1));
      }),
    );
  });

  test('a group that no mapping selects changes nothing', () => {
    fc.assert(
      fc.property(situation, ({ principal, groups, current }) => {
        const without = decide(principal, groups, current, context);
        expect(decide(principal, [...groups, through(group(30, 'Fax Users'))], current, context)).toEqual(without);
      }),
    );
  });

  test('its event is one of the catalogue, and a repeat has the same id', () => {
    fc.assert(
      fc.property(situation, ({ principal, groups, current }) => {
        const item = decide(principal, groups, current, context);
        if (item === undefined) return;
        const event = decision(item);
        const { Source, DetailType, Detail } = toEntry(event);
        expect(parseEvent({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) })).toEqual(event);
        const again = decided(decide(principal, groups, current, context));
        expect(decision(again).id).toBe(event.id);
      }),
    );
  });
});
