/** Makes one principal's roles at the target what the grants table says. */
import * as v from 'valibot';
import { type Grants, type PrincipalGrants, principalKey } from '../../access/grants.ts';
import { type RoleMessage, roleMessageSchema } from '../../access/role-message.ts';
import { type Cause, makeEvent } from '../../events/identity-event.ts';
import { InvalidEventError, RetryableError } from '../../platform/errors.ts';
import type { Publish } from '../../platform/event-bus.ts';
import type { Log } from '../../platform/log.ts';
import { type ApplyDependencies, apply, recover } from '../apply.ts';
import { type AccountEntry, accountPk } from '../ledger.ts';
import { plan } from '../plan.ts';
import { noteTold } from '../role-groups.ts';
import { TargetConflictError, TargetMissingError } from '../target.ts';

export interface SyncRolesDependencies extends ApplyDependencies {
  readonly grants: Pick<Grants, 'read'>;
  readonly onDeleted: 'delete' | 'keep';
  readonly publish: Publish;
  readonly log: Log;
}

/** Times the steps are taken up again at once: behind what vanished, another run's write, or an answer that was lost. */
const attempts = 3;

/**
 * Handles one message. The grants table is read anew: late or repeated messages do what it says now, or nothing.
 *
 * @throws InvalidEventError for a message it cannot read
 * @throws what kept a change from being made, after RoleChangeFailed is out: the message is tried again and then kept in the
 *   dead-letter queue
 */
export async function syncRoles(deps: SyncRolesDependencies, body: string): Promise<void> {
  const { domain, guid, cause } = parseMessage(body);
  const { target, ledger, log } = deps;
  for (let attempt = 1; ; attempt += 1) {
    const desired = await deps.grants.read(principalKey(domain, guid));
    if (desired === undefined) throw new InvalidEventError(`no decision for ${domain} ${guid}: only decide-access writes this queue`);
    const made = await ledger.readAccount(accountPk(target.name, domain, guid));
    if (made !== undefined && made.revision >= desired.revision) {
      log.info('ROLES_CURRENT', { domain, guid, revision: made.revision });
      return;
    }
    try {
      await makeSo(deps, desired, made, cause);
      return;
    } catch (error) {
      const settling = error instanceof RetryableError || error instanceof TargetMissingError || error instanceof TargetConflictError;
      if (settling && attempt < attempts) {
        log.warn('ROLES_TRIED_AGAIN', { domain, guid, revision: desired.revision, attempt, reason: error.message });
        continue;
      }
      // What other runs wrote meanwhile is no failed change; everything else is, and a reviewer hears of it.
      if (!(error instanceof RetryableError)) {
        await publishFailure(deps, desired, error, cause).catch((second: unknown) =>
          log.error('FAILURE_NOT_PUBLISHED', { domain, guid, error: String(second) }),
        );
      }
      throw error;
    }
  }
}

/** Takes the steps that are left, tells of them and writes them down. @throws what kept a step from being done */
async function makeSo(deps: SyncRolesDependencies, desired: PrincipalGrants, made: AccountEntry | undefined, cause: Cause): Promise<void> {
  const { domain, subject, revision } = desired;
  const known = await recover(deps, desired, made);
  const { entry, events, untoldRoles, failure } = await apply(
    deps,
    desired,
    known,
    plan(desired, known, deps.target.name, deps.onDeleted),
    cause,
  );
  // Events before the ledger: a crash in between repeats both, and the events carry the same ids.
  await deps.publish(events);
  await deps.ledger.write(entry);
  await noteTold(deps, untoldRoles);
  if (failure !== undefined) throw failure;
  deps.log.info('ROLES_SYNCED', { domain, guid: subject.guid, revision, events: events.map(({ type }) => type) });
}

async function publishFailure(deps: SyncRolesDependencies, desired: PrincipalGrants, error: unknown, cause: Cause): Promise<void> {
  const at = deps.now().toISOString();
  const { domain, subject, revision } = desired;
  const { reason, remedy } = explain(error);
  deps.log.error('ROLE_CHANGE_FAILED', { domain, guid: subject.guid, revision, reason, remedy });
  const change = { target: deps.target.name, reason, remedy };
  await deps.publish([makeEvent({ type: 'RoleChangeFailed', domain, subject, change, revision, at, cause, part: reason })]);
}

function explain(error: unknown): { reason: string; remedy: string } {
  if (error instanceof TargetConflictError) return { reason: error.message, remedy: error.remedy };
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { reason: `${name}: ${message}`, remedy: "it is tried again; if it stays, it ends in sync-roles' dead-letter queue: redrive it" };
}

function parseMessage(body: string): RoleMessage {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), roleMessageSchema), body);
  if (parsed.success) return parsed.output;
  throw new InvalidEventError(`not a message of decide-access: ${parsed.issues.map((issue) => issue.message).join('; ')}`);
}
