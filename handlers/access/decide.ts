/** Who should have what: pure. It has no clock and sees the mirror only as the rows it is given. */
import { isDeepStrictEqual } from 'node:util';
import { type ObjectRow, subjectOf } from '../directory/mirror.ts';
import { conveys, type EffectiveGroup } from '../directory/principals.ts';
import type { AttributeChanges, Grant, PrincipalState } from '../events/catalogue.ts';
import { type AnyIdentityEvent, type Cause, makeEvent } from '../events/identity-event.ts';
import type { AccessConfiguration } from './access-configuration.ts';
import { stateOf } from './account-conditions.ts';
import { type CompiledMappings, compileMappings } from './compiled-mappings.ts';
import { grantKey, type PrincipalGrants, type Profile, principalKey, profileChanges } from './grants.ts';
import { type Judgement, judge } from './judgement.ts';
import type { Authorizer } from './policies/authorizer.ts';
import { profileOf } from './profile.ts';
import { withinLimits } from './size-limits.ts';

/** A configuration and its policies, made ready for many decisions. */
export interface PreparedAccess {
  readonly configuration: AccessConfiguration;
  readonly mappings: CompiledMappings;
  readonly authorizer: Authorizer;
}

export const prepareAccess = (configuration: AccessConfiguration, authorizer: Authorizer): PreparedAccess => ({
  configuration,
  mappings: compileMappings(configuration),
  authorizer,
});

export interface DecisionContext {
  readonly access: PreparedAccess;
  /** ISO 8601. */
  readonly decidedAt: string;
  readonly cause: Cause;
}

/**
 * Decides for one principal.
 *
 * @param principal its row of the mirror
 * @param groups all groups that it is effectively a member of
 * @param current what the grants table holds for it
 * @returns the next item of the grants table, or undefined when nothing changes
 */
export function decide(
  principal: ObjectRow,
  groups: readonly EffectiveGroup[],
  current: PrincipalGrants | undefined,
  context: DecisionContext,
): PrincipalGrants | undefined {
  const { access, decidedAt, cause } = context;
  const state = stateOf(principal, decidedAt);
  const judged = state === 'active' ? judge(principal, nearestFirst(groups), current, { access, decidedAt }) : nothing;
  const { grants, denied, violations, refusals } = withinLimits(judged, current?.grants ?? {});
  // A principal whom no mapping means, and who never held a role, is none of a target's business.
  if (current === undefined && Object.keys(grants).length === 0 && Object.keys(denied).length === 0) return undefined;
  const profiles = profilesOf(principal, state, Object.values(grants), current?.profiles ?? {}, access.configuration);
  const before = { state: current?.state, grants: current?.grants ?? {}, denied: current?.denied ?? {}, profiles: current?.profiles ?? {} };
  if (isDeepStrictEqual(before, { state, grants, denied, profiles })) return undefined;

  const subject = subjectOf(principal);
  const revision = Math.max(Date.parse(decidedAt), (current?.revision ?? 0) + 1);
  const told = { domain: principal.domain, subject, revision, at: decidedAt, cause };
  const events: AnyIdentityEvent[] = [
    ...violations.map((change) => makeEvent({ type: 'AccessViolationFound', change, part: grantKey(change.grant), ...told })),
    ...refusals.map((change) => makeEvent({ type: 'AccessDenied', change, part: grantKey(change), ...told })),
  ];
  const isConcerned = Object.keys(profiles).length > 0;
  if (isConcerned && !(before.state === state && isSameAccess(before.grants, grants) && isDeepStrictEqual(before.profiles, profiles))) {
    const change = {
      state,
      granted: Object.entries(grants).flatMap(([key, grant]) => (Object.hasOwn(before.grants, key) ? [] : [grant])),
      revoked: Object.entries(before.grants).flatMap(([key, grant]) => (Object.hasOwn(grants, key) ? [] : [grant])),
      holds: Object.values(grants),
      profile: changesOf(before.profiles, profiles),
    };
    events.push(makeEvent({ type: 'AccessDecided', change, ...told }));
  }
  return {
    pk: principalKey(principal.domain, principal.guid),
    domain: principal.domain,
    subject,
    revision,
    state,
    profiles,
    grants,
    denied,
    decidedAt,
    cause,
    unannounced: [...(current?.unannounced ?? []), ...events],
  };
}

const nothing: Judgement = { grants: {}, denied: {}, violations: [], refusals: [] };

/** Groups that convey, those nearest to the principal first: the shortest way is the best explanation. In one order, whatever the table's. */
const nearestFirst = (groups: readonly EffectiveGroup[]): readonly EffectiveGroup[] =>
  groups
    .filter(({ row }) => conveys(row))
    .sort((one, other) => one.path.length - other.path.length || (one.row.pk < other.row.pk ? -1 : 1));

/**
 * Whether it is the same access for the same reason. Another way to the group, another policy or a group's new name is none to tell of; the end
 * of a violation is, as its beginning was told.
 */
function isSameAccess(before: PrincipalGrants['grants'], after: PrincipalGrants['grants']): boolean {
  if (Object.entries(before).some(([key, { violates }]) => violates && Object.hasOwn(after, key) && !after[key]?.violates)) return false;
  const reasons = (grants: PrincipalGrants['grants']) =>
    Object.fromEntries(
      Object.entries(grants).map(([key, { mapping, group, assignments }]) => [key, { mapping, group: group.guid, assignments }]),
    );
  return isDeepStrictEqual(reasons(before), reasons(after));
}

/** What each target is told that has, or had, to hear of the principal. A tombstone has lost its attributes: what was told before stays. */
function profilesOf(
  principal: ObjectRow,
  state: PrincipalState,
  grants: readonly Grant[],
  before: PrincipalGrants['profiles'],
  { targets }: AccessConfiguration,
): Readonly<Record<string, Profile>> {
  const concerned = new Set([...Object.keys(before), ...grants.map(({ target }) => target)]);
  if (state === 'deleted') return before;
  const profiles: Record<string, Profile> = {};
  for (const name of concerned) {
    const target = Object.hasOwn(targets, name) ? targets[name] : undefined;
    // A target that was taken out of the configuration keeps what it was told.
    const profile = target === undefined ? before[name] : profileOf(principal, target.attributes);
    if (profile !== undefined) profiles[name] = profile;
  }
  return profiles;
}

/** By `<target>.<attribute>`. */
const changesOf = (before: PrincipalGrants['profiles'], after: PrincipalGrants['profiles']): AttributeChanges =>
  Object.fromEntries(
    Object.entries(after).flatMap(([target, profile]) =>
      Object.entries(profileChanges(before[target], profile)).map(([attribute, change]) => [`${target}.${attribute}`, change]),
    ),
  );
