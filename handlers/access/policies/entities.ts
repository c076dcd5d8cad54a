/** Rows of the mirror and a role as Cedar's entities. Whatever a row holds, an entity comes of it: what cannot be read is left out. */
import type { CedarValueJson, EntityJson, TypeAndId } from '@cedar-policy/cedar-wasm/nodejs';
import { firstValue, type ObjectRow } from '../../directory/mirror.ts';
import type { EffectiveGroup } from '../../directory/principals.ts';
import type { Assignment } from '../../events/catalogue.ts';
import { fileTime, isoText } from '../../platform/file-time.ts';
import { accountStatesOf } from '../account-conditions.ts';
import { containerNames, folded, groupIds, roleId, userId } from './entity-names.ts';

/** A role as policies see it. */
export interface PolicyRole {
  readonly target: string;
  readonly name: string;
  readonly labels: readonly string[];
  readonly assignments: readonly Assignment[];
}

/** Bits of userAccountControl (MS-ADTS section 2.2.16). */
const flags = { passwordNotRequired: 0x20, smartcardRequired: 0x40000 } as const;

/** A moment for Cedar (its RFC 80: ISO 8601 with milliseconds and Z). */
export const datetime = (iso: string): CedarValueJson => ({ __extn: { fn: 'datetime', arg: iso } });

/**
 * The principal, in those of its groups that policies name.
 *
 * Groups that no policy names cannot be asked about, because no attribute of the schema holds a group; leaving them out is what keeps an
 * authorization fast for a principal of hundreds of groups.
 *
 * @param named ids of the groups that the policies name
 * @param attributes directory attributes of the schema
 */
export function userEntity(
  row: ObjectRow,
  groups: readonly EffectiveGroup[],
  named: ReadonlySet<string>,
  attributes: readonly string[],
): EntityJson {
  const values = new Map(Object.entries(row.attributes).map(([name, list]) => [name.toLowerCase(), list]));
  const text = (attribute: string) => {
    const value = firstValue(row, attribute);
    return value === undefined ? undefined : folded(value);
  };
  const states = accountStatesOf(row);
  const control = Number(firstValue(row, 'userAccountControl') ?? '');
  const passwordTime = firstValue(row, 'pwdLastSet');
  // 0: to be changed at the next log-on (MS-ADA3 section 2.175). When it was set, the directory does not say then.
  const passwordLastSet = passwordTime === '0' ? undefined : fileTime(passwordTime);
  const samAccountName = text('sAMAccountName') ?? row.guid;
  const parents = new Set(groups.flatMap((group) => groupIds(group.row)).filter((id) => named.has(id)));
  return {
    uid: { type: 'User', id: userId(row) },
    attrs: {
      domain: folded(row.domain),
      name: text('name') ?? samAccountName,
      samAccountName,
      ...present('userPrincipalName', text('userPrincipalName')),
      ...present('mail', text('mail')),
      ...present('sid', row.sid),
      organizationalUnits: [...containerNames(row.dn)],
      lockedOut: states.has('lockedOut'),
      ...present('passwordLastSet', passwordLastSet && datetime(isoText(passwordLastSet))),
      passwordMustChange: states.has('passwordMustChange'),
      passwordNeverExpires: states.has('passwordNeverExpires'),
      passwordNotRequired: (control & flags.passwordNotRequired) !== 0,
      smartcardRequired: (control & flags.smartcardRequired) !== 0,
      attributes: Object.fromEntries(attributes.map((name) => [name, (values.get(name.toLowerCase()) ?? []).map(folded)])),
    },
    parents: [...parents].map((id): TypeAndId => ({ type: 'Group', id })),
  };
}

/** The role, in its target. */
export function roleEntity(role: PolicyRole): EntityJson {
  return {
    uid: { type: 'Role', id: roleId(role) },
    attrs: {
      name: folded(role.name),
      target: role.target,
      labels: [...role.labels],
      assignments: role.assignments.map(({ account, permissionSet }) => ({ account, permissionSet })),
    },
    parents: [{ type: 'Target', id: role.target }],
  };
}

const present = (name: string, value: CedarValueJson | undefined): Record<string, CedarValueJson> =>
  value === undefined ? {} : { [name]: value };
