/** Heals one role at the target, where reconcile saw it differ. */
import type { RoleDriftMessage } from '../../access/role-message.ts';
import { type AnyIdentityEvent, makeEvent } from '../../events/identity-event.ts';
import { RetryableError } from '../../platform/errors.ts';
import { guardEvents } from '../guard-events.ts';
import { assignmentNews, foundByKind } from '../ledger.ts';
import { changeRole, noteTold } from '../role-groups.ts';
import { healRole, isHealed, lookAtRole, type RoleDrift, roleRemovalOf, withoutDrift } from '../role-healing.ts';
import { TargetConflictError } from '../target.ts';
import { aboutTarget } from '../target-subject.ts';
import { attempts, leastMs, pauseMs, type SyncRolesDependencies } from './dependencies.ts';
import { logHeldBack, publishFailure } from './telling.ts';

/** @throws what kept it from being healed: the message is tried again */
export async function syncRole(deps: SyncRolesDependencies, message: RoleDriftMessage): Promise<void> {
  const { target, log } = deps;
  const about = aboutTarget(target.name);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await heal(deps, message);
      return;
    } catch (error) {
      const settling = error instanceof RetryableError || error instanceof TargetConflictError;
      if (settling && attempt < attempts && deps.millisecondsLeft() > leastMs) {
        log.warn('ROLE_TRIED_AGAIN', { target: target.name, role: message.role, attempt, reason: error.message });
        await deps.wait(pauseMs * attempt);
        continue;
      }
      if (!(error instanceof RetryableError)) {
        await publishFailure(deps, about, error, message.cause).catch((second: unknown) =>
          log.error('FAILURE_NOT_PUBLISHED', { target: target.name, role: message.role, error: String(second) }),
        );
      }
      // What is in the way is not ours, and the next run of reconcile finds it again: it holds up nobody meanwhile.
      if (error instanceof TargetConflictError) return;
      throw error;
    }
  }
}

async function heal(deps: SyncRolesDependencies, message: RoleDriftMessage): Promise<void> {
  const { target, guard, log, ledger } = deps;
  const about = aboutTarget(target.name);
  const at = () => deps.now().toISOString();
  const drift = await lookAtRole(deps, message);
  if (drift === undefined) {
    log.info('ROLE_FORGOTTEN', { target: target.name, role: message.role, run: message.drift.run });
    return;
  }
  if (isHealed(drift)) {
    log.info('ROLE_CURRENT', { target: target.name, role: message.role, run: message.drift.run });
    return;
  }
  const removal = roleRemovalOf(message, drift);
  const admission = removal && (await guard.admit(removal));
  const removing = admission?.admitted ?? true;
  const events: AnyIdentityEvent[] = removal && admission ? guardEvents(target.name, about, removal, admission, message.cause, at()) : [];
  if (removal && admission && !admission.admitted) logHeldBack(log, target.name, removal, admission);

  const { settled, failure } = await healRole(deps, message, drift, removing);
  const told = assignmentNews(target.name, message.role, drift.role.roleId, settled);
  events.push(...told.map((news) => makeEvent({ ...news, ...about, at: at(), cause: message.cause })));
  if (failure === undefined) events.push(...(await healedEvents(deps, message, drift)));
  await deps.publish(events);
  await admission?.told?.();
  await noteTold(deps, [{ role: drift.role, settled }]);
  if (failure !== undefined) throw failure;
  await changeRole(ledger, drift.role.pk, (entry) => (entry?.roleId === drift.role.roleId ? withoutDrift(entry) : undefined));
  log.info('ROLE_HEALED', { target: target.name, role: message.role, run: message.drift.run, events: events.map(({ type }) => type) });
}

/** As the ledger noted it before anything was done, so that an interrupted run's healing is told too. */
async function healedEvents(
  { target, ledger, now }: SyncRolesDependencies,
  { role: name, cause }: RoleDriftMessage,
  { role }: RoleDrift,
): Promise<readonly AnyIdentityEvent[]> {
  const drift = (await ledger.readRole(role.pk))?.drift;
  if (drift === undefined) return [];
  return foundByKind(drift).map(([kind, detail]) =>
    makeEvent({
      type: 'DriftHealed',
      ...aboutTarget(target.name),
      change: { target: target.name, run: drift.run, kind, detail },
      at: now().toISOString(),
      cause,
      part: `${name.toLowerCase()}/${kind}@${drift.run}`,
    }),
  );
}
