/**
 * A role of the role mappings as a federated role: which groups lead to it, and what the issuer has to say in the token. The mappings are
 * those of role sync, so `developers` means the same people at Identity Center, at a SaaS and in an AWS account.
 */
import { checkedMappings, type GivingGroups, groupsThatGive, nearestRoles } from '../../handlers/access/giving-groups.ts';
import type { GroupSelector } from '../../handlers/access/group-selector.ts';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';
import { hasToken, matching, type NonEmpty, nonEmpty, WrongPropError } from '../platform/prop-checks.ts';
import { type Admission, tagClaim } from './role-trust.ts';

/** What an issuer's administrator has to set up: members of `group`, and nobody else, get `claim` with `value` in their tokens. */
export interface RoleClaim {
  /** The role as the role mappings call it. */
  readonly role: string;
  readonly roleArn: string;
  readonly group: GroupSelector;
  /** DNS names of the directories whose groups count, where the mapping names them. */
  readonly domains?: readonly string[];
  readonly claim: string;
  readonly value: string;
  /** What the mapping asks besides, and only the issuer can see to: as the mapping says it. */
  readonly conditions?: Pick<RoleMapping, 'valid' | 'exclude' | 'unless'>;
}

export interface MappedRoleProps {
  readonly role: string;
  readonly match: 'session-tag' | 'group-claim';
  readonly issuerKeepsConditions: boolean;
}

/** Mappings as role sync takes them. @throws WrongPropError */
export function federatedMappings(mappings: readonly RoleMapping[]): readonly RoleMapping[] {
  if (hasToken(mappings))
    throw new WrongPropError('roleMappings is known only at apply: write the mappings in the props, so that a plan shows them');
  nonEmpty('roleMappings', mappings, 'give those of the integration, or leave it out');
  return checkedMappings(mappings);
}

/** @throws WrongPropError for a role that no mapping gives, or by a mapping whose conditions nobody would keep */
export function groupsOf({ role, issuerKeepsConditions }: MappedRoleProps, mappings: readonly RoleMapping[]): NonEmpty<GivingGroups> {
  matching('role', role, /./, 'give the name of a role');
  const [first, ...others] = groupsThatGive(role, mappings);
  if (first === undefined) {
    const near = nearestRoles(role, mappings).map((name) => `"${name}"`);
    const remedy =
      near.length === 0 ? 'give the roleMappings of the integration' : `give one that they give, the nearest are ${near.join(', ')}`;
    throw new WrongPropError(`role is "${role}", which no role mapping gives: ${remedy}`);
  }
  const conditional = [first, ...others].find(({ mapping }) => conditionsOf(mapping) !== undefined)?.mapping;
  if (conditional !== undefined && !issuerKeepsConditions) {
    throw new WrongPropError(
      `role is "${role}", and its mapping "${conditional.id}" has ${Object.keys(conditionsOf(conditional) ?? {}).join(' and ')}: a token says nothing of it; let the issuer keep to it and set issuerKeepsConditions, or federate another role`,
    );
  }
  return [first, ...others];
}

/** Key of a role's session tag. A person may hold several roles, and a tag has one value: so each role has a key. */
export function tagKeyOf(prefix: string, role: string): string {
  const key = `${prefix}:${role}`;
  // IAM User Guide, "Pass session tags in AWS STS": characters and length of keys; of a claim's name STS takes the key as it stands.
  const remedy =
    'a session tag takes letters, digits, spaces and _ . : / = + - @, at most 128 with the prefix; federate a role of another name';
  matching('role', role, /^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$/u, remedy);
  if (key.length > 128) throw new WrongPropError(`role is "${role}": ${remedy}`);
  return key;
}

/** Values of `amr` that stand for the groups. @throws WrongPropError for a pattern that leaves the group's name open */
export function groupValues(role: string, groups: NonEmpty<GivingGroups>): NonEmpty<string> {
  const values = groups.map(({ group, mapping }) => {
    if ('pattern' in group) {
      throw new WrongPropError(
        `role is "${role}", and its mapping "${mapping.id}" leaves the group's name open (${group.pattern}): match it by 'session-tag', or map it from a group by name`,
      );
    }
    return groupValue(group);
  });
  return nonEmpty('groups', [...new Set(values)], 'name one');
}

function groupValue(group: Exclude<GroupSelector, { readonly pattern: string }>): string {
  if ('dn' in group) return group.dn;
  return 'sid' in group ? group.sid : group.name;
}

/** One row for each group that leads to the role. */
export function claimsOf(
  props: MappedRoleProps,
  roleArn: string,
  groups: NonEmpty<GivingGroups>,
  admission: Admission,
): readonly RoleClaim[] {
  return groups.map(({ group, mapping }) => {
    const conditions = conditionsOf(mapping);
    return {
      role: props.role,
      roleArn,
      group,
      ...(mapping.domains === undefined ? {} : { domains: mapping.domains }),
      ...(admission.by === 'session-tag'
        ? { claim: `${tagClaim}${admission.key}`, value: props.role }
        : { claim: 'amr', value: 'pattern' in group ? group.pattern : groupValue(group) }),
      ...(conditions === undefined ? {} : { conditions }),
    };
  });
}

function conditionsOf({ valid, exclude, unless }: RoleMapping): RoleClaim['conditions'] {
  const given = { ...(valid && { valid }), ...(exclude && { exclude }), ...(unless && { unless }) };
  return Object.keys(given).length === 0 ? undefined : given;
}
