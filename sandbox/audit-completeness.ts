/** Whether the audit trail tells each change at a target once: its records against what the target's server saw. */
import type { AuditEntry } from '../handlers/audit/audit-record.ts';
import type { ChangeOf } from '../handlers/events/catalogue.ts';
import { changeLines } from './target-changes.ts';

export interface Completeness {
  /** Changes that a target saw. */
  readonly changes: number;
  /** Records that tell of a change at a target. */
  readonly records: number;
  /** Changes without a record, and records without a change, or one record too many. */
  readonly missing: readonly string[];
  readonly surplus: readonly string[];
}

type Told = Pick<AuditEntry, 'type' | 'change'>;

/** @param told of this target alone @param changes as its server saw them */
export function completeness(told: readonly Told[], changes: readonly string[]): Completeness {
  const lines = told.flatMap(linesOf);
  const left = new Map<string, number>();
  for (const line of changes) left.set(line, (left.get(line) ?? 0) + 1);
  const surplus: string[] = [];
  for (const line of lines) {
    const count = left.get(line) ?? 0;
    if (count === 0) surplus.push(line);
    else left.set(line, count - 1);
  }
  const missing = [...left].flatMap(([line, count]) => Array<string>(count).fill(line));
  return { changes: changes.length, records: lines.length, missing, surplus };
}

/** The change that a record tells of, in the words of the target's account; none where it tells of none. */
function linesOf({ type, change }: Told): readonly string[] {
  switch (type) {
    case 'AccountProvisioned': {
      const { account, attributes } = change as ChangeOf<typeof type>;
      return [changeLines.accountCreated(account.id, attributes)];
    }
    case 'AccountUpdated': {
      const { account, attributes } = change as ChangeOf<typeof type>;
      const after = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, value.after as string | null]));
      return [changeLines.accountUpdated(account.id, after)];
    }
    case 'AccountDeactivated':
    case 'AccountReactivated':
      return [changeLines.accountActive((change as ChangeOf<typeof type>).account.id, type === 'AccountReactivated')];
    case 'AccountDeprovisioned':
      return [changeLines.accountDeleted((change as ChangeOf<typeof type>).account.id)];
    case 'RoleProvisioned': {
      const { id, role } = change as ChangeOf<typeof type>;
      return [changeLines.roleCreated(id, role)];
    }
    case 'RoleGranted':
    case 'RoleRevoked': {
      const { grant, account } = change as ChangeOf<typeof type>;
      return [changeLines.member(grant.role, account.id, type === 'RoleGranted')];
    }
    case 'RoleAssigned':
    case 'RoleUnassigned': {
      const { id, assignment } = change as ChangeOf<typeof type>;
      return [changeLines.assignment(id, `${assignment.account}/${assignment.permissionSet}`, type === 'RoleAssigned')];
    }
    default:
      return [];
  }
}
