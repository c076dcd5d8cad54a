/** What becomes of a role that policies deny: nothing is granted, what is held ends or stays as configured, and each is told once. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DecisionContext, decide } from '../../handlers/access/decide.ts';
import type { PrincipalGrants } from '../../handlers/access/grants.ts';
import type { GrantRequest, Verdict } from '../../handlers/access/policies/authorizer.ts';
import type { ChangeOf } from '../../handlers/events/catalogue.ts';
import { parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import {
  announced,
  answering,
  contextOf,
  disabled,
  effectiveGroups,
  forbids,
  group,
  identityCenter,
  mappings,
  member,
  permits,
  principalRow,
  user,
} from './decisions.ts';

const key = 'identity-center/developers';
const one = [{ id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers', labels: ['privileged'] }];
const groups = member(group(10, 'AWS-Developers'));
const lawOf = (verdict: Verdict | ((request: GrantRequest) => Verdict), change: object = {}): DecisionContext =>
  contextOf({ mappings: one, ...change }, answering(typeof verdict === 'function' ? verdict : () => verdict));
const permitted = lawOf(permits('a'));
const notPermitted: Verdict = { allowed: false, reason: 'not-permitted', policies: [], detail: 'no policy permits it' };
const broken: Verdict = { allowed: false, reason: 'policy-error', policies: [], detail: 'policies could not be evaluated: overflow' };

const decided = (item: PrincipalGrants | undefined): PrincipalGrants => {
  if (item === undefined) throw new Error('nothing was decided');
  return item;
};
const told = (item: PrincipalGrants | undefined) => item?.unannounced.map(({ type }) => type);
const held = announced(decided(decide(user(), groups, undefined, permitted)));

describe('a role that is not held', () => {
  test.each([forbids('segregation'), notPermitted, broken])(
    'invariant 7: WHEN policies say %j THEN nothing is granted, and that is told',
    (verdict) => {
      if (verdict.allowed) throw new Error('the verdict is to deny');
      const item = decided(decide(user(), groups, undefined, lawOf(verdict)));
      expect(item).toMatchObject({ state: 'active', grants: {}, profiles: {} });
      const denial = { reason: verdict.reason, detail: verdict.detail, policies: verdict.policies, mapping: 'developers' };
      expect(item.denied[key]).toMatchObject(denial);
      expect(item.unannounced).toMatchObject([{ type: 'AccessDenied', change: denial }]);
    },
  );

  test('WHEN it is asked for THEN policies hear of the principal, its groups, the role and the circumstances', () => {
    const asked: GrantRequest[] = [];
    decide(
      user(),
      groups,
      held,
      lawOf((request) => {
        asked.push(request);
        return permits();
      }),
    );
    expect(asked).toEqual([
      {
        principal: user(),
        groups,
        role: { target: identityCenter, name: 'developers', labels: ['privileged'], assignments: [] },
        context: { now: permitted.decidedAt, existing: true, mapping: 'developers' },
      },
    ]);
  });

  test('GIVEN many groups of one mapping WHEN they give one role THEN policies are asked once', () => {
    const asked: string[] = [];
    const law = contextOf(
      { mappings: mappings.slice(2) },
      answering(({ role }) => {
        asked.push(role.name);
        return forbids('x');
      }),
    );
    decide(user(), member(group(10, 'AWS-a'), group(11, 'AWS-b'), group(12, 'AWS-c')), undefined, law);
    expect(asked).toEqual(['everybody']);
  });

  test('GIVEN two mappings WHEN policies deny it to the first THEN the second gives it, and nothing is denied', () => {
    const law = lawOf(({ context }) => (context.mapping === 'developers' ? forbids('x') : permits('b')), {
      mappings: [...one, { ...one[0], id: 'second' }],
    });
    const item = decided(decide(user(), groups, undefined, law));
    expect(item.grants[key]).toMatchObject({ mapping: 'second', policies: ['b'] });
    expect(item.denied).toEqual({});
    expect(told(item)).toEqual(['AccessDecided']);
  });

  test('WHEN another policy forbids it THEN that is told; another wording, or the same in another order, is not', () => {
    const first = announced(decided(decide(user(), groups, undefined, lawOf(forbids('a', 'b')))));
    const reworded: Verdict = {
      ...forbids('b', 'a'),
      allowed: false,
      reason: 'forbidden',
      policies: [
        { id: 'b', annotations: {} },
        { id: 'a', annotations: {} },
      ],
      detail: 'x',
    };
    expect(decide(user(), groups, first, lawOf(reworded))).toBeUndefined();
    const second = decide(user(), groups, first, lawOf(forbids('a', 'c')));
    expect(told(second)).toEqual(['AccessDenied']);
    expect(told(decide(user(), groups, first, lawOf(broken)))).toEqual(['AccessDenied']);
  });

  test('WHEN it is denied no more THEN it is granted; WHEN no mapping gives it any more THEN the denial goes without a word', () => {
    const denied = announced(decided(decide(user(), groups, undefined, lawOf(forbids('a')))));
    expect(decide(user(), groups, denied, permitted)).toMatchObject({ denied: {}, grants: { [key]: { policies: ['a'] } } });
    expect(decide(user(), [], denied, permitted)).toMatchObject({ denied: {}, grants: {}, unannounced: [] });
    expect(decide(user(disabled), groups, denied, lawOf(forbids('a')))).toMatchObject({ state: 'disabled', denied: {}, unannounced: [] });
  });

  test('invariant 7: WHEN a group names an account that is not ours THEN nobody asks policies, nothing is granted, and that is told', () => {
    const targets = { [identityCenter]: { attributes: {}, assignable: { accounts: ['111122223333'], permissionSets: ['Admin'] } } };
    const mapping = {
      id: 'accounts',
      group: { pattern: '^AWS-(?<account>\\d{12})$' },
      role: '$<account>',
      assignments: [{ account: '$<account>', permissionSet: 'Admin' }],
    };
    const asked: string[] = [];
    const law = contextOf(
      { mappings: [mapping], targets },
      answering(({ role }) => {
        asked.push(role.name);
        return permits();
      }),
    );
    const item = decided(decide(user(), member(group(10, 'AWS-999988887777'), group(11, 'AWS-111122223333')), undefined, law));
    expect(asked).toEqual(['111122223333']);
    expect(Object.keys(item.grants)).toEqual(['identity-center/111122223333']);
    expect(item.denied['identity-center/999988887777']).toMatchObject({ reason: 'account', policies: [] });
    expect(told(item)).toEqual(['AccessDenied', 'AccessDecided']);
  });
});

describe('a role that is held', () => {
  test.each([forbids('segregation'), notPermitted, broken])(
    'WHEN policies say %j by now THEN it ends, told once as a violation',
    (verdict) => {
      const law = lawOf(verdict);
      const item = decided(decide(user(), groups, held, law));
      expect(item.grants).toEqual({});
      expect(item.unannounced).toMatchObject([
        { type: 'AccessViolationFound', change: { grant: held.grants[key], outcome: 'revoked' } },
        { type: 'AccessDecided', change: { revoked: [held.grants[key]], holds: [] } },
      ]);
      expect(decide(user(), groups, announced(item), law)).toBeUndefined();
    },
  );

  test.each([forbids('segregation'), notPermitted, broken])(
    'WHEN policies say %j and violations are only reported THEN it stays as it is, told once',
    (verdict) => {
      const law = lawOf(verdict, { onViolation: 'report' });
      const item = decided(decide(user(), groups, held, law));
      const violates = verdict.allowed ? [] : verdict.policies.map(({ id }) => id);
      expect(item.grants[key]).toEqual({ ...held.grants[key], violates });
      expect(item.denied).toEqual({});
      expect(item.unannounced).toMatchObject([{ type: 'AccessViolationFound', change: { outcome: 'reported' } }]);
      expect(decide(user(), groups, announced(item), law)).toBeUndefined();
      // AND when policies permit it again, nothing is left of it, and the audit trail hears that
      const again = decided(decide(user(), groups, announced(item), permitted));
      expect(again.grants).toEqual(held.grants);
      expect(again.unannounced.map(({ type }) => type)).toEqual(['AccessDecided']);
      expect(again.unannounced.map(({ change }) => (change as ChangeOf<'AccessDecided'>).holds)).toEqual([[held.grants[key]]]);
    },
  );

  test('GIVEN a reported violation WHEN another policy forbids it too THEN that is told; WHEN violations end roles THEN it ends, and that is told', () => {
    const reported = announced(decided(decide(user(), groups, held, lawOf(forbids('a'), { onViolation: 'report' }))));
    expect(told(decide(user(), groups, reported, lawOf(forbids('a', 'b'), { onViolation: 'report' })))).toEqual(['AccessViolationFound']);
    const ended = decide(user(), groups, reported, lawOf(forbids('a')));
    expect(ended).toMatchObject({ grants: {}, unannounced: [{ type: 'AccessViolationFound', change: { outcome: 'revoked' } }, {}] });
  });

  test('GIVEN a reported violation WHEN something else changes THEN it is not told again', () => {
    const mapped = { onViolation: 'report', mappings: [...one, { id: 'other', group: { name: 'Other' }, role: 'other' }] };
    const law = lawOf(({ role }) => (role.name === 'other' ? permits() : forbids('a')), mapped);
    const reported = announced(decided(decide(user(), groups, held, law)));
    const after = decide(user(), [...groups, ...member(group(11, 'Other'))], reported, law);
    expect(Object.keys(after?.grants ?? {})).toEqual([key, 'identity-center/other']);
    expect(told(after)).toEqual(['AccessDecided']);
  });

  test('invariant 7: GIVEN violations are only reported WHEN a mapping would bring more by now THEN the role brings what it brought', () => {
    const targets = { [identityCenter]: { attributes: {}, assignable: { accounts: ['111122223333'], permissionSets: ['Admin'] } } };
    const bringing = [{ ...one[0], assignments: [{ account: '111122223333', permissionSet: 'Admin' }] }];
    const item = decide(user(), groups, held, lawOf(forbids('a'), { onViolation: 'report', mappings: bringing, targets }));
    expect(item?.grants[key]).not.toHaveProperty('assignments');
  });

  test('invariant 7: GIVEN violations are only reported WHEN its mapping ends and another one’s is denied THEN it ends', () => {
    const other = [{ ...one[0], id: 'other' }];
    const item = decide(user(), groups, held, lawOf(forbids('a'), { onViolation: 'report', mappings: other }));
    expect(item?.grants).toEqual({});
    expect(told(item)).toEqual(['AccessDenied', 'AccessDecided']);
  });

  test('invariant 7: GIVEN violations are only reported WHEN the account is disabled THEN it ends all the same', () => {
    const item = decide(user(disabled), groups, held, lawOf(forbids('a'), { onViolation: 'report' }));
    expect(item).toMatchObject({ state: 'disabled', grants: {} });
  });
});

/** Policies that say something of their own for every role, mapping and holding. A role that may be granted may also be kept. */
const anyPolicies = fc
  .func(fc.constantFrom<Verdict>(permits('a'), permits('b', 'a'), forbids('x'), forbids('x', 'y'), notPermitted, broken))
  .map((answer) => answering(({ role, context }) => answer(role.name, context.mapping)));
const anyLaw = fc
  .tuple(anyPolicies, fc.constantFrom('revoke', 'report'), fc.subarray([...mappings], { minLength: 1 }))
  .map(([authorizer, onViolation, chosen]) => contextOf({ onViolation, mappings: chosen }, authorizer));

test('GIVEN any policies, and any earlier ones WHEN it is decided THEN deciding again says nothing more', () => {
  fc.assert(
    fc.property(principalRow, effectiveGroups, effectiveGroups, anyLaw, anyLaw, (principal, before, after, oldLaw, law) => {
      const current = decide(user(), before, undefined, oldLaw);
      const item = decide(principal, after, current && announced(current), law) ?? current;
      const later = { ...law, decidedAt: '2025-03-01T11:00:00.000Z' };
      expect(decide(principal, after, item && announced(item), later)).toBeUndefined();
    }),
  );
});

test('invariant 7: GIVEN any policies WHEN a role was not held THEN it is granted only where they permit it, and either granted or denied', () => {
  fc.assert(
    fc.property(effectiveGroups, effectiveGroups, anyLaw, anyLaw, (before, after, oldLaw, law) => {
      const current = decide(user(), before, undefined, oldLaw);
      const item = decide(user(), after, current && announced(current), law) ?? current;
      for (const [name, grant] of Object.entries(item?.grants ?? {})) {
        expect(item?.denied).not.toHaveProperty([name]);
        const { role, mapping, target } = grant;
        const context = { now: law.decidedAt, existing: false, mapping };
        const verdict = law.access.authorizer.authorize({
          principal: user(),
          groups: after,
          role: { target, name: role, labels: [], assignments: [] },
          context,
        });
        if (!verdict.allowed) {
          expect(law.access.configuration.onViolation).toBe('report');
          expect(current?.grants).toHaveProperty([name]);
          expect(grant.violates).toBeDefined();
        }
      }
    }),
  );
});

test('GIVEN any change WHEN events are told THEN each is of the catalogue, once, and tells what the item says', () => {
  fc.assert(
    fc.property(effectiveGroups, effectiveGroups, anyLaw, anyLaw, (before, after, oldLaw, law) => {
      const current = decide(user(), before, undefined, oldLaw);
      const item = decide(user(), after, current && announced(current), law);
      const events = item?.unannounced ?? [];
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
      for (const event of events) {
        const { Source, DetailType, Detail } = toEntry(event);
        expect(parseEvent({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) })).toEqual(event);
        if (event.type === 'AccessDenied') {
          const { target, role } = event.change;
          expect(item?.denied[`${target}/${role}`]).toEqual(event.change);
          expect(current?.denied[`${target}/${role}`]).not.toEqual(event.change);
        }
        if (event.type === 'AccessViolationFound') {
          const { grant, outcome } = event.change;
          expect(current?.grants).toHaveProperty([`${grant.target}/${grant.role}`]);
          expect(Object.hasOwn(item?.grants ?? {}, `${grant.target}/${grant.role}`)).toBe(outcome === 'reported');
        }
      }
    }),
  );
});
