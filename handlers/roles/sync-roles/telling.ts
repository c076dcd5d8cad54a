/** What sync-roles tells of what it could not do, or may not do yet. */
import { type Cause, makeEvent } from '../../events/identity-event.ts';
import type { Publish } from '../../platform/event-bus.ts';
import type { Log } from '../../platform/log.ts';
import type { Admission, Removal } from '../guard.ts';
import type { Wanted } from '../plan.ts';
import { type Target, TargetConflictError } from '../target.ts';

export interface TellingDependencies {
  readonly target: Target;
  readonly publish: Publish;
  readonly log: Log;
  readonly now: () => Date;
}

export async function publishFailure(
  deps: TellingDependencies,
  { domain, subject, revision }: Pick<Wanted, 'domain' | 'subject' | 'revision'>,
  error: unknown,
  cause: Cause,
): Promise<void> {
  const at = deps.now().toISOString();
  const { reason, remedy } = explain(error);
  deps.log.error('ROLE_CHANGE_FAILED', { domain, guid: subject.guid, revision, reason, remedy });
  const change = { target: deps.target.name, reason, remedy };
  await deps.publish([
    makeEvent({ type: 'RoleChangeFailed', domain, subject, change, revision, at, cause, part: `${deps.target.name}/${reason}` }),
  ]);
}

function explain(error: unknown): { reason: string; remedy: string } {
  if (error instanceof TargetConflictError) return { reason: error.message, remedy: error.remedy };
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { reason: `${name}: ${message}`, remedy: "it is tried again; if it stays, it ends in sync-roles' dead-letter queue: redrive it" };
}

export function logHeldBack(log: Log, target: string, removal: Removal, admission: Extract<Admission, { admitted: false }>): void {
  const { guard, staged, tripped, rejected } = admission;
  if (tripped) log.error('GUARD_TRIPPED', { target, guard, limit: tripped.limit, expiresAt: tripped.expiresAt });
  const { key, revision, revocations, accounts } = removal;
  log.warn(rejected ? 'REVOCATION_REJECTED' : 'REVOCATION_STAGED', { target, guard, key, revision, revocations, accounts, told: staged });
}
