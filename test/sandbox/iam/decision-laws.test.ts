import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { authorize, type Principal, surplus } from '../../../sandbox/aws/iam/index.ts';
import { ACCOUNT, type Draft, policy, QUEUE, ROLE, ROOT, request, role, SESSION, TABLE } from './fixture.ts';

const actions = ['dynamodb:GetItem', 'dynamodb:PutItem', 'sqs:SendMessage'];
const resources = [TABLE, `${TABLE}/index/by-principal`, QUEUE];
const someOf = (values: readonly string[]) => fc.uniqueArray(fc.constantFrom(...values), { minLength: 1 });

const actionElement = fc.oneof(
  someOf([...actions, 'dynamodb:*', '*', 'dynamodb:?etItem']).map((Action) => ({ Action })),
  someOf(actions).map((NotAction) => ({ NotAction })),
);
const resourceElement = fc.oneof(
  someOf([...resources, '*', `${TABLE}*`]).map((Resource) => ({ Resource })),
  someOf(resources).map((NotResource) => ({ NotResource })),
);
const conditionElement = fc.option(
  fc.constantFrom('StringEquals', 'StringNotEquals', 'StringEqualsIfExists', 'ForAllValues:StringEquals').map((operator) => ({
    Condition: { [operator]: { 'app:key': 'a' } },
  })),
  { nil: {} },
);
const principalElement = fc.oneof(
  fc
    .constantFrom('*', { AWS: ROLE }, { AWS: SESSION }, { AWS: ROOT }, { Service: 'events.amazonaws.com' })
    .map((Principal) => ({ Principal })),
  fc.constantFrom({ AWS: ROLE }, { AWS: [ROLE, ROOT] }).map((NotPrincipal) => ({ NotPrincipal })),
);
const statement = (effects: readonly string[]) =>
  fc
    .tuple(fc.constantFrom(...effects), actionElement, resourceElement, conditionElement)
    .map(([Effect, ...elements]): Draft => Object.assign({ Effect }, ...elements));
const resourceStatement = (effects: readonly string[]) =>
  fc.tuple(statement(effects), principalElement).map(([given, principal]): Draft => ({ ...given, ...principal }));

const both = ['Allow', 'Deny'];
const call = fc.record({
  action: fc.constantFrom(...actions),
  resource: fc.constantFrom(...resources),
  context: fc.constantFrom<Record<string, string>>({}, { 'app:key': 'a' }, { 'app:key': 'b' }),
  delegationRequired: fc.boolean(),
  resourceAccount: fc.constantFrom(ACCOUNT, ACCOUNT, '444455556666'),
});
const layers = fc.record({
  identity: fc.array(statement(both), { maxLength: 4 }),
  boundary: fc.option(fc.array(statement(both), { minLength: 1, maxLength: 3 }), { nil: undefined }),
  resource: fc.option(fc.array(resourceStatement(both), { minLength: 1, maxLength: 3 }), { nil: undefined }),
});
type Layers = typeof layers extends fc.Arbitrary<infer T> ? T : never;
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

function decide({ identity, boundary, resource }: Layers, made: Call) {
  const caller: Principal = role(identity, boundary ? { boundary: policy('boundary', boundary) } : {});
  return authorize(request(caller, { ...made, ...(resource ? { resourcePolicy: policy('resource', resource) } : {}) }));
}

describe('GIVEN any policies and any call', () => {
  it('an explicit deny always wins, in whatever layer', () => {
    fc.assert(
      fc.property(layers, call, fc.constantFrom('identity', 'boundary', 'resource'), (given, made, layer) => {
        const denial = { Effect: 'Deny', Action: made.action, Resource: made.resource };
        const placed = layer === 'resource' ? { ...denial, Principal: { AWS: ROLE } } : denial;
        const decision = decide({ ...given, [layer]: [...(given[layer] ?? []), placed] }, made);
        expect(decision).toMatchObject({ allowed: false, reason: 'explicit deny' });
      }),
    );
  });

  it('adding an allow never removes access', () => {
    fc.assert(
      fc.property(layers, call, statement(['Allow']), resourceStatement(['Allow']), (given, made, own, granted) => {
        const before = decide(given, made).allowed;
        expect(decide({ ...given, identity: [...given.identity, own] }, made).allowed || !before).toBe(true);
        expect(decide({ ...given, resource: [...(given.resource ?? []), granted] }, made).allowed || !before).toBe(true);
        if (given.boundary) expect(decide({ ...given, boundary: [...given.boundary, own] }, made).allowed || !before).toBe(true);
      }),
    );
  });

  it('adding a deny never gives access', () => {
    fc.assert(
      fc.property(layers, call, statement(['Deny']), (given, made, denial) => {
        const before = decide(given, made).allowed;
        expect(before || !decide({ ...given, identity: [...given.identity, denial] }, made).allowed).toBe(true);
      }),
    );
  });

  it('a boundary never widens', () => {
    fc.assert(
      fc.property(layers, call, (given, made) => {
        const without = decide({ ...given, boundary: undefined }, made).allowed;
        expect(without || !decide(given, made).allowed).toBe(true);
      }),
    );
  });

  it('an empty set of policies allows nothing', () => {
    fc.assert(
      fc.property(call, layers, (made, { boundary }) => {
        expect(decide({ identity: [], boundary, resource: undefined }, made).allowed).toBe(false);
      }),
    );
  });

  it('the order of statements does not matter', () => {
    fc.assert(
      fc.property(layers, call, (given, made) => {
        const reversed = { ...given, identity: given.identity.toReversed(), resource: given.resource?.toReversed() };
        expect(decide(reversed, made).allowed).toBe(decide(given, made).allowed);
      }),
    );
  });

  it('an allowed call names a statement, and that statement is no surplus', () => {
    fc.assert(
      fc.property(layers, call, (given, made) => {
        const decision = decide(given, made);
        if (!decision.allowed) return;
        expect(decision.statements.length).toBeGreaterThan(0);
        const sources = given.identity.map((draft, i) => policy(`identity-${i}`, draft));
        const unused = surplus(sources, [made]);
        for (const { policy: name } of decision.statements.filter((allowing) => allowing.policy !== 'resource')) {
          const entries = surplus(sources, []).filter((row) => row.policy === name).length;
          expect(unused.filter((row) => row.policy === name).length).toBeLessThan(entries);
        }
      }),
    );
  });
});
