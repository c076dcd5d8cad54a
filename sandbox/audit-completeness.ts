/** Whether the audit trail tells each change at a target once: its records against what the target's server saw. */
import type { AuditEntry } from '../handlers/audit/audit-record.ts';
import type { ChangeOf } from '../handlers/events/catalogue.ts';
import { auditTrail } from './audit-trail.ts';
import { targetsOf } from './role-targets.ts';
import type { Sandbox } from './sandbox.ts';
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

export interface TargetCompleteness extends Completeness {
  readonly target: string;
}

/** Of all targets of a sandbox in which nothing is left to do. */
export async function auditCompleteness(sandbox: Sandbox): Promise<readonly TargetCompleteness[]> {
  const { endpoint, stack, scim } = sandbox;
  const trail = await auditTrail(sandbox);
  return targetsOf(stack).map(({ name, kind }) => {
    const told = trail.filter(({ change }) => targetOf(change) === name);
    if (kind === 'scim' && scim) return { target: name, ...completeness(told, scim.changes.lines) };
    return { target: name, ...completeness(told, endpoint.identityCenterChanges.lines, endpoint.identityCenterChangesByHand.lines) };
  });
}

function targetOf(change: Told['change']): string | undefined {
  const { target, account } = change as { readonly target?: string; readonly account?: { readonly target: string } };
  return target ?? account?.target;
}

/**
 * @param told of this target alone
 * @param changes that functions made, as its server saw them
 * @param byHand those that people made there: what is found of them is told too, and need not be
 */
export function completeness(told: readonly Told[], changes: readonly string[], byHand: readonly string[] = []): Completeness {
  const lines = told.flatMap(linesOf);
  const left = new Map<string, number>();
  for (const line of changes) left.set(line, (left.get(line) ?? 0) + 1);
  const others = [...byHand];
  const surplus: string[] = [];
  for (const line of lines) {
    const count = left.get(line) ?? 0;
    if (count > 0) left.set(line, count - 1);
    else if (others.includes(line)) others.splice(others.indexOf(line), 1);
    else surplus.push(line);
  }
  const missing = [...left].flatMap(([line, count]) => Array<string>(count).fill(line));
  return { changes: changes.length, records: lines.length - (byHand.length - others.length), missing, surplus };
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
