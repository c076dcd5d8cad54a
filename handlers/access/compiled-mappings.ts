/** Role mappings made ready for many decisions: who gets which role from which group. */

import * as v from 'valibot';
import { isDistinguishedName } from '../directory/distinguished-name.ts';
import { firstValue, type ObjectRow } from '../directory/mirror.ts';
import type { EffectiveGroup } from '../directory/principals.ts';
import type { Assignment, Denial } from '../events/catalogue.ts';
import type { AccessConfiguration, AccessTarget } from './access-configuration.ts';
import { accountStatesOf } from './account-conditions.ts';
import { grantKey } from './grants.ts';
import { type Captures, exactKey, type Selection, selectorIndex } from './group-selector.ts';
import { capturesIn, filledIn, roleName, type TargetedMapping, type UserSelector } from './role-mapping.ts';

/** What the name of a group makes of a mapping's role that no target can have. */
export interface Impossible {
  readonly reason: Extract<Denial['reason'], 'role' | 'account' | 'permission-set'>;
  readonly detail: string;
}

/** A role that a mapping would give. */
export interface Candidate {
  readonly mapping: TargetedMapping;
  readonly group: EffectiveGroup;
  readonly target: string;
  readonly role: string;
  readonly assignments: readonly Assignment[];
  readonly impossible: Impossible | undefined;
}

export interface CompiledMappings {
  /**
   * What the mappings give to a principal, by `grantKey`: of each mapping at most one candidate, in the order of the mappings.
   *
   * @param groups its effective groups; of several that one mapping selects, the first is the reason
   * @param now ISO 8601
   */
  candidates(principal: ObjectRow, groups: readonly EffectiveGroup[], now: string): ReadonlyMap<string, readonly Candidate[]>;
}

interface Compiled {
  readonly mapping: TargetedMapping;
  readonly position: number;
  readonly from: number;
  readonly until: number;
  readonly excludes: (principal: ObjectRow) => boolean;
  /** Whether it selects groups of a directory. */
  readonly isOf: (domain: string) => boolean;
}

/** Groups that are remembered with what selects them: the same ones are met with every principal. */
const remembered = 10_000;

export function compileMappings({ mappings, targets }: Pick<AccessConfiguration, 'mappings' | 'targets'>): CompiledMappings {
  const compiled = mappings.map(compile);
  const selecting = selectorIndex(
    compiled.map((one) => [one.mapping.group, one] as const),
    'surely',
  );
  const excluding = selectorIndex(
    compiled.flatMap((one) => (one.mapping.exclude?.groups ?? []).map((selector) => [selector, one] as const)),
    'maybe',
  );
  const known = new Map<string, { readonly selected: readonly Selection<Compiled>[]; readonly excluded: readonly Selection<Compiled>[] }>();
  const lookUp = (group: ObjectRow) => {
    const key = JSON.stringify([group.domain, group.dn, group.sid, firstValue(group, 'sAMAccountName')]);
    const found = known.get(key) ?? {
      selected: selecting(group).filter(({ value }) => value.isOf(group.domain)),
      excluded: excluding(group),
    };
    if (known.size >= remembered) known.clear();
    known.set(key, found);
    return found;
  };

  return {
    candidates(principal, groups, now) {
      const at = Date.parse(now);
      const found = groups.map((group) => ({ group, ...lookUp(group.row) }));
      const excluded = new Set(found.flatMap((one) => one.excluded.map(({ value }) => value)));
      const states = accountStatesOf(principal);
      const mayGive = ({ mapping, from, until, excludes }: Compiled) =>
        from <= at && at < until && !mapping.unless?.some((state) => states.has(state)) && !excludes(principal);
      const selections = found
        .flatMap(({ group, selected }) => selected.map(({ value, captures }) => ({ group, value, captures })))
        .sort((one, other) => one.value.position - other.value.position);

      const giving = new Map<Compiled, boolean>();
      const candidates = new Map<string, Candidate[]>();
      for (const { group, value, captures } of selections) {
        const gives = giving.get(value) ?? (!excluded.has(value) && mayGive(value));
        giving.set(value, gives);
        if (gives) for (const candidate of rolesOf(value.mapping, group, captures, targets)) add(candidates, candidate);
      }
      return candidates;
    },
  };
}

/** One candidate a mapping; one that is possible takes the place of one that is not. */
function add(candidates: Map<string, Candidate[]>, candidate: Candidate): void {
  const key = grantKey(candidate);
  const others = candidates.get(key) ?? [];
  const index = others.findIndex(({ mapping }) => mapping === candidate.mapping);
  if (index < 0) candidates.set(key, [...others, candidate]);
  else if (others[index]?.impossible && !candidate.impossible) candidates.set(key, others.with(index, candidate));
}

function compile(mapping: TargetedMapping, position: number): Compiled {
  const { from, until } = mapping.valid ?? {};
  return {
    mapping,
    position,
    from: from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(from),
    until: until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until),
    excludes: exclusionOf(mapping.exclude?.users ?? []),
    isOf: isOfDomains(mapping),
  };
}

/** Whether a mapping selects groups of a directory: of any, where it names none. */
export function isOfDomains({ domains }: Pick<TargetedMapping, 'domains'>): (domain: string) => boolean {
  const names = domains && new Set(domains.map((name) => name.toLowerCase()));
  return (domain) => names === undefined || names.has(domain.toLowerCase());
}

/** Whether a principal is one of these. One whose DN cannot be read may be any that is named by DN. */
function exclusionOf(users: readonly UserSelector[]): (principal: ObjectRow) => boolean {
  if (users.length === 0) return () => false;
  const byDn = users.some((user) => 'dn' in user);
  const keys = new Set(users.map((user) => ('userPrincipalName' in user ? userPrincipalKey(user.userPrincipalName) : exactKey(user))));
  return (principal) => {
    const [name, userPrincipalName] = [firstValue(principal, 'sAMAccountName'), firstValue(principal, 'userPrincipalName')];
    return (
      (isDistinguishedName(principal.dn) ? keys.has(exactKey({ dn: principal.dn })) : byDn) ||
      (principal.sid !== undefined && keys.has(exactKey({ sid: principal.sid }))) ||
      (name !== undefined && keys.has(exactKey({ name }))) ||
      (userPrincipalName !== undefined && keys.has(userPrincipalKey(userPrincipalName)))
    );
  };
}

const userPrincipalKey = (name: string): string => `upn ${name.toLowerCase()}`;

/** The longest name that a denial tells: a group's name has up to 256 characters, and a role may repeat it. */
const longest = 256;

/** The mapping's role at each of its targets, as the group's name makes it. */
function rolesOf(
  mapping: TargetedMapping,
  group: EffectiveGroup,
  captures: Captures,
  targets: Readonly<Record<string, AccessTarget>>,
): readonly Candidate[] {
  const made = filledIn(mapping.role, captures);
  const missing = capturesIn(mapping.role).find((name) => captures[name] === undefined);
  const checked = v.safeParse(roleName, made);
  const role = made === '' || made.length > longest ? mapping.role : made;
  const assignments = (mapping.assignments ?? [])
    .map(({ account, permissionSet }) => ({ account: filledIn(account, captures), permissionSet: filledIn(permissionSet, captures) }))
    .sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
  const problem = (): Impossible | undefined => {
    if (missing !== undefined)
      return { reason: 'role', detail: `the group's name holds nothing for the capture "${missing}" of the role "${mapping.role}"` };
    return checked.success ? undefined : { reason: 'role', detail: `the role "${role}" ${checked.issues[0].message}` };
  };
  const named = problem();
  return mapping.targets.map((target) => ({
    mapping,
    group,
    target,
    role,
    assignments,
    impossible: named ?? foreign(assignments, target, Object.hasOwn(targets, target) ? targets[target]?.assignable : undefined),
  }));
}

/** What a capture made of an assignment that is none of the target's. */
function foreign(assignments: readonly Assignment[], target: string, assignable: AccessTarget['assignable']): Impossible | undefined {
  for (const { account, permissionSet } of assignments) {
    if (!assignable?.accounts.includes(account))
      return { reason: 'account', detail: `the account "${account}" is none of the target "${target}"` };
    if (!assignable.permissionSets.includes(permissionSet))
      return { reason: 'permission-set', detail: `the permission set "${permissionSet}" is none of the target "${target}"` };
  }
  return undefined;
}
