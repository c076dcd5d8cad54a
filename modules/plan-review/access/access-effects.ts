/** Whom a change of access would give or take what: every user of an exported mirror, decided by the code that decides. */
import { decide, type PreparedAccess, prepareAccess } from '../../../handlers/access/decide.ts';
import type { PrincipalGrants } from '../../../handlers/access/grants.ts';
import { createAuthorizer } from '../../../handlers/access/policies/authorizer.ts';
import { type ObjectRow, objectKey, subjectOf } from '../../../handlers/directory/mirror.ts';
import { type PrincipalReader, readPrincipal } from '../../../handlers/directory/principals.ts';
import type { Denial, Grant } from '../../../handlers/events/catalogue.ts';
import type { AccessState } from './access-objects.ts';

/** `changes`: the role stays and brings other accounts or permission sets. `violates`: it stays, and a policy forbids it by then. */
export const effectKinds = ['gains', 'loses', 'changes', 'violates'] as const;

/** What becomes of one role of somebody. */
export interface AccessEffect {
  readonly kind: (typeof effectKinds)[number];
  readonly principal: { readonly name: string; readonly dn: string; readonly guid: string; readonly domain: string };
  readonly role: string;
  readonly target: string;
  /** The mapping that gives it, or gave it. */
  readonly mapping: string;
  /** Of what is gained the policies that permit it; of what is lost what denies it, or that no mapping gives it; of the others what differs. */
  readonly why: string;
}

export interface AccessEffects {
  readonly effects: readonly AccessEffect[];
  /** Users that were decided for. */
  readonly users: number;
  /** Users for whom something changes. */
  readonly concerned: number;
}

export interface MirrorOfUsers {
  readonly mirror: PrincipalReader;
  readonly objects: readonly ObjectRow[];
  /** ISO 8601. */
  readonly now: string;
}

/**
 * As decide-access would do it: by the configuration before, and then by the one after, knowing what is held. So what `onViolation`
 * keeps is kept here, too. Nobody but users holds roles.
 *
 * @throws ConfigurationError for policies that are wrong
 */
export async function accessEffects(
  before: AccessState | undefined,
  after: AccessState | undefined,
  { mirror, objects, now }: MirrorOfUsers,
): Promise<AccessEffects> {
  const [old, next] = [prepared(before), prepared(after)];
  const users = objects.filter(({ type }) => type === 'user');
  const effects: AccessEffect[] = [];
  for (const { domain, guid } of users) {
    const { principal, groups } = await readPrincipal(mirror, domain, guid, objectKey(domain, guid).pk);
    if (principal === undefined) continue;
    const decided = (access: PreparedAccess | undefined, current: PrincipalGrants | undefined) =>
      access && (decide(principal, groups, current, { access, decidedAt: now, cause }) ?? current);
    const held = decided(old, undefined);
    effects.push(...effectsOn(principal, held, decided(next, held)));
  }
  const concerned = new Set(effects.map(({ principal }) => `${principal.domain}#${principal.guid}`)).size;
  return { effects, users: users.length, concerned };
}

const cause = { id: 'plan-review', type: 'PlanReview' };

const prepared = (state: AccessState | undefined): PreparedAccess | undefined =>
  state &&
  prepareAccess(state.configuration, createAuthorizer({ policies: state.policies, attributes: state.configuration.policyAttributes }));

function effectsOn(row: ObjectRow, before: PrincipalGrants | undefined, after: PrincipalGrants | undefined): readonly AccessEffect[] {
  const [old, next] = [before?.grants ?? {}, after?.grants ?? {}];
  const { name, dn } = subjectOf(row);
  const principal = { name, dn, guid: row.guid, domain: row.domain };
  const keys = [...new Set([...Object.keys(next), ...Object.keys(old)])];
  return keys.flatMap((key) => {
    const [held, given] = [old[key], next[key]];
    const { kind, why } = difference(held, given, after?.denied[key]) ?? {};
    const grant = given ?? held;
    if (kind === undefined || why === undefined || grant === undefined) return [];
    return [{ kind, principal, role: grant.role, target: grant.target, mapping: grant.mapping, why }];
  });
}

function difference(
  held: Grant | undefined,
  given: Grant | undefined,
  denial: Denial | undefined,
): Pick<AccessEffect, 'kind' | 'why'> | undefined {
  if (given === undefined) return { kind: 'loses', why: denial?.detail ?? 'no mapping gives it any more' };
  if (held === undefined) return { kind: 'gains', why: `permitted by ${given.policies.join(', ')}` };
  const [old, next] = [assignmentsOf(held), assignmentsOf(given)];
  if (old !== next) return { kind: 'changes', why: `it brought ${old}, and will bring ${next}` };
  const violated = given.violates?.filter((policy) => !held.violates?.includes(policy)) ?? [];
  return violated.length === 0 ? undefined : { kind: 'violates', why: `forbidden by ${violated.join(', ')}, and only reported` };
}

const assignmentsOf = ({ assignments = [] }: Grant): string =>
  assignments
    .map(({ account, permissionSet }) => `${permissionSet} in ${account}`)
    .sort()
    .join(', ') || 'no account';
