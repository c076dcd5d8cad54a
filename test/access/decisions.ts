/** Rows, mappings and arbitrary principals for the tests of access decisions. */
import fc from 'fast-check';
import type { DecisionContext } from '../../handlers/access/decide.ts';
import type { PrincipalGrants } from '../../handlers/access/grants.ts';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';
import type { ObjectRow } from '../../handlers/directory/mirror.ts';
import type { Cause } from '../../handlers/events/identity-event.ts';
import { groupObject, objectRow, userObject } from '../directory/rows.ts';

export const cause: Cause = { id: 'cause-1', type: 'GroupMemberAdded' };
export const decidedAt = '2025-03-01T10:00:01.000Z';

export const mappings: readonly RoleMapping[] = [
  { id: 'developers', group: { name: 'AWS-Developers' }, role: 'developers' },
  { id: 'teams', group: { pattern: '^AWS-Team-(?<team>[a-z]+)$' }, role: 'team-$<team>' },
  { id: 'everybody', group: { pattern: '^AWS-.+$' }, role: 'everybody' },
];
export const context: DecisionContext = { mappings, decidedAt, cause };

export const user = (attributes: Record<string, readonly string[]> = {}, change: Partial<ObjectRow> = {}): ObjectRow =>
  objectRow(userObject(1, 'ada', { userPrincipalName: ['ada@corp.example.com'], ...attributes }), change);
export const group = (number: number, name: string, change: Partial<ObjectRow> = {}): ObjectRow =>
  objectRow(groupObject(number, name), change);

export const disabled = { userAccountControl: ['514'] } as const;

/** A mark of a row: set, or not there. */
const flag = (): fc.Arbitrary<true | undefined> => fc.constantFrom(undefined, undefined, true);

const groupNames = ['AWS-Developers', 'aws-developers', 'AWS-Team-blue', 'AWS-Team-red', 'AWS-Team-', 'Printers', 'Domain Users'];
export const groupRows: fc.Arbitrary<readonly ObjectRow[]> = fc
  .uniqueArray(fc.record({ name: fc.constantFrom(...groupNames), deleted: fc.boolean(), outOfScope: flag() }), {
    selector: ({ name }) => name,
  })
  .map((chosen) => chosen.map(({ name, ...change }) => group(10 + groupNames.indexOf(name), name, change)));

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
