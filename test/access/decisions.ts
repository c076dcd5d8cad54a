/** Rows, mappings and arbitrary principals for the tests of access decisions. */
import fc from 'fast-check';
import { type AccessConfiguration, parseAccessConfiguration } from '../../handlers/access/access-configuration.ts';
import { type DecisionContext, prepareAccess } from '../../handlers/access/decide.ts';
import type { PrincipalGrants } from '../../handlers/access/grants.ts';
import type { Authorizer, GrantRequest, Verdict } from '../../handlers/access/policies/authorizer.ts';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';
import type { ObjectRow } from '../../handlers/directory/mirror.ts';
import type { EffectiveGroup } from '../../handlers/directory/principals.ts';
import type { Cause } from '../../handlers/events/identity-event.ts';
import { groupObject, objectRow, userObject } from '../directory/rows.ts';

export const cause: Cause = { id: 'cause-1', type: 'GroupMemberAdded' };
export const decidedAt = '2025-03-01T10:00:01.000Z';
export const identityCenter = 'identity-center';

export const mappings: readonly RoleMapping[] = [
  { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' },
  { id: 'teams', group: { pattern: '^AWS-Team-(?<team>[a-z]+)$' }, role: 'team-$<team>' },
  { id: 'everybody', group: { pattern: '^AWS-.+$' }, role: 'everybody' },
];

/** A configuration as the deployment writes it, by default with the mappings above at Identity Center alone. */
export const configurationOf = (change: Readonly<Record<string, unknown>> = {}): AccessConfiguration =>
  parseAccessConfiguration({
    mappings,
    targets: { [identityCenter]: { attributes: {} } },
    policies: [{ name: 'mapped-grants.cedar', key: 'policies/mapped-grants.cedar' }],
    policyAttributes: [],
    onViolation: 'revoke',
    ...change,
  });

/** Policies that permit everything. */
export const permits = (...policies: string[]): Verdict => ({ allowed: true, policies });
export const permitting: Authorizer = { authorize: () => permits('mapped-grants') };

/** Policies that forbid what is asked for. */
export const forbids = (...ids: readonly string[]): Verdict => ({
  allowed: false,
  reason: 'forbidden',
  policies: ids.map((id) => ({ id, annotations: { reason: `because of ${id}` } })),
  detail: `forbidden by ${ids.join('; ')}`,
});
export const answering = (answer: (request: GrantRequest) => Verdict): Authorizer => ({ authorize: answer });

export const contextOf = (change: Readonly<Record<string, unknown>> = {}, authorizer = permitting): DecisionContext => ({
  access: prepareAccess(configurationOf(change), authorizer),
  decidedAt,
  cause,
});
export const context = contextOf();

export const user = (attributes: Record<string, readonly string[]> = {}, change: Partial<ObjectRow> = {}): ObjectRow =>
  objectRow(userObject(1, 'ada', { userPrincipalName: ['ada@corp.example.com'], ...attributes }), change);
export const group = (number: number, name: string, change: Partial<ObjectRow> = {}): ObjectRow =>
  objectRow(groupObject(number, name), change);

/** A group that the principal is a member of, through the groups of `path`. */
export const through = (row: ObjectRow, ...path: readonly ObjectRow[]): EffectiveGroup => ({ row, path });
export const member = (...of: readonly ObjectRow[]): readonly EffectiveGroup[] => of.map((row) => through(row));

export const disabled = { userAccountControl: ['514'] } as const;

/** A mark of a row: set, or not there. */
const flag = (): fc.Arbitrary<true | undefined> => fc.constantFrom(undefined, undefined, true);

const groupNames = ['AWS-Developers', 'aws-developers', 'AWS-Team-blue', 'AWS-Team-red', 'AWS-Team-', 'Printers', 'Domain Users'];
export const effectiveGroups: fc.Arbitrary<readonly EffectiveGroup[]> = fc
  .uniqueArray(fc.record({ name: fc.constantFrom(...groupNames), deleted: fc.boolean(), outOfScope: flag(), nested: fc.boolean() }), {
    selector: ({ name }) => name,
  })
  .map((chosen) =>
    chosen.map(({ name, nested, ...change }) =>
      through(group(10 + groupNames.indexOf(name), name, change), ...(nested ? [group(40, 'Staff')] : [])),
    ),
  );

export const principalRow: fc.Arbitrary<ObjectRow> = fc
  .record({
    control: fc.constantFrom<readonly string[]>(['512'], ['514'], ['66050'], ['66048'], [], ['x']),
    mail: fc.constantFrom<readonly string[]>([], ['ada@example.com']),
    displayName: fc.constantFrom<readonly string[]>([], ['Ada Example'], ['Ada B. Example']),
    deleted: fc.boolean(),
    expired: flag(),
    outOfScope: flag(),
  })
  .map(({ control, mail, displayName, ...change }) => user({ userAccountControl: control, mail, displayName }, change));

/** An item of the table as it is once its events are out. */
export const announced = (item: PrincipalGrants): PrincipalGrants => ({ ...item, unannounced: [] });
