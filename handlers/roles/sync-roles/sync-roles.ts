/** Makes one principal's roles at the target what the grants table says, and heals what differs there. */
import * as v from 'valibot';
import { principalKey } from '../../access/grants.ts';
import { type PrincipalMessage, type RoleMessage, roleMessageSchema } from '../../access/role-message.ts';
import { eventTypes } from '../../events/catalogue.ts';
import { type Cause, rootOf } from '../../events/identity-event.ts';
import { InvalidEventError, RetryableError } from '../../platform/errors.ts';
import { apply, recover } from '../apply.ts';
import { guardEvents } from '../guard-events.ts';
import { type AccountEntry, accountPk, heldBy } from '../ledger.ts';
import { isCurrent, isEmpty, type Plan, plan, type TargetRules, type Wanted, wantedAt } from '../plan.ts';
import { heldBack, removalOf } from '../removal.ts';
import { noteTold } from '../role-groups.ts';
import { lookAgain } from '../second-look.ts';
import { TargetConflictError, TargetMissingError } from '../target.ts';
import { attempts, leastMs, pauseMs, type SyncRolesDependencies } from './dependencies.ts';
import { syncRole } from './sync-role.ts';
import { logHeldBack, publishFailure } from './telling.ts';

/**
 * Handles one message. The grants table is read anew: late or repeated messages do what it says now, or nothing.
 *
 * @throws InvalidEventError for a message it cannot read
 * @throws what kept a change from being made, after RoleChangeFailed is out: the message is tried again and then kept in the
 *   dead-letter queue
 */
export async function syncRoles(deps: SyncRolesDependencies, body: string): Promise<void> {
  const message = parseMessage(body);
  if ('sweep' in message) await deps.target.sessions?.sweep();
  else if ('role' in message) await syncRole(deps, message);
  else await syncPrincipal(deps, message);
}

async function syncPrincipal(deps: SyncRolesDependencies, message: PrincipalMessage): Promise<void> {
  const { domain, guid, cause } = message;
  const { target, ledger, log } = deps;
  for (let attempt = 1; ; attempt += 1) {
    const item = await deps.grants.read(principalKey(domain, guid));
    const made = await ledger.readAccount(accountPk(target.name, domain, guid));
    // Absence of a decision takes nothing away (invariant 3): whoever loses access has an item that says so.
    if (item === undefined)
      throw new InvalidEventError(`no decision for ${domain} ${guid}: only decide-access and reconcile write this queue`);
    const wanted = wantedAt(item, target.name);
    if (message.drift === undefined && isCurrent(made, wanted.revision, deps.now().toISOString())) {
      log.info('ROLES_CURRENT', { domain, guid, revision: made?.revision });
      return;
    }
    try {
      await makeSo(deps, wanted, made, message);
      return;
    } catch (error) {
      const settling = error instanceof RetryableError || error instanceof TargetMissingError || error instanceof TargetConflictError;
      if (settling && attempt < attempts && deps.millisecondsLeft() > leastMs) {
        log.warn('ROLES_TRIED_AGAIN', { domain, guid, revision: wanted.revision, attempt, reason: error.message });
        await deps.wait(pauseMs * attempt);
        continue;
      }
      // What other runs wrote meanwhile, or what is under way, is no failed change; everything else is, and a reviewer hears of it.
      if (!(error instanceof RetryableError)) {
        await publishFailure(deps, wanted, error, cause).catch((second: unknown) =>
          log.error('FAILURE_NOT_PUBLISHED', { domain, guid, error: String(second) }),
        );
      }
      // The next run of reconcile finds it again: until then no retry could change it.
      if (message.drift !== undefined && error instanceof TargetConflictError) return;
      throw error;
    }
  }
}

/** Takes the steps that are left, tells of them and writes them down. @throws what kept a step from being done */
async function makeSo(
  deps: SyncRolesDependencies,
  wanted: Wanted,
  made: AccountEntry | undefined,
  { cause, drift, extraRoles = [] }: PrincipalMessage,
): Promise<void> {
  const { target, ledger, log } = deps;
  const { domain, subject, revision } = wanted;
  const rules: TargetRules = {
    onInactive: deps.onInactive,
    onDeleted: deps.onDeleted,
    canDeactivate: target.setActive !== undefined,
    cutsSessions: target.sessions !== undefined,
  };
  let known = await recover(deps, wanted, made);
  let corrected = false;
  if (drift) {
    const look = await lookAgain(deps, wanted, known, rules, { run: drift.run, extraRoles }).catch(async (error: unknown) => {
      if (!(error instanceof TargetConflictError)) throw error;
      // What is not ours is left alone, and nothing a retry could change: a person has to decide.
      await publishFailure(deps, wanted, error, cause);
      return undefined;
    });
    if (look === undefined) return;
    known = look.entry;
    corrected = look.corrected;
  }
  const planned = plan(wanted, known, rules, deps.now().toISOString());
  if (drift && !corrected && isEmpty(planned) && known !== undefined && known.revision >= revision) {
    log.info('ROLES_CURRENT', { domain, guid: subject.guid, revision, run: drift.run });
    return;
  }
  const { steps, held, events: told, done } = await guarded(deps, wanted, known, planned, cause);
  const applied = await apply({ deps, wanted, made: known, cause, steps, heldBack: held, corrected });
  const { entry, news, failure } = applied;
  const events = [...applied.events, ...told];
  // Events before the ledger: a crash in between repeats both, and the events carry the same ids.
  await deps.publish(events);
  await done?.();
  await ledger.write(entry);
  await noteTold(deps, news);
  await count(deps, made, entry);
  if (failure !== undefined) throw failure;
  const lag = drift === undefined ? lagOf(cause, deps.now()) : {};
  log.info('ROLES_SYNCED', { domain, guid: subject.guid, revision, events: events.map(({ type }) => type), ...lag });
}

interface Guarded {
  readonly steps: Plan;
  /** The guard that holds something back. */
  readonly held?: string | undefined;
  readonly events: ReturnType<typeof guardEvents>;
  /** Call it when the events are out. */
  readonly done?: (() => Promise<void>) | undefined;
}

async function guarded(
  deps: SyncRolesDependencies,
  wanted: Wanted,
  made: AccountEntry | undefined,
  planned: Plan,
  cause: Cause,
): Promise<Guarded> {
  const { target, guard, log, now } = deps;
  const removal = removalOf(target.name, wanted, made, planned);
  if (removal === undefined) return { steps: planned, events: [] };
  const admission = await guard.admit(removal);
  const events = guardEvents(target.name, wanted, removal, admission, cause, now().toISOString());
  if (admission.admitted) return { steps: planned, events, done: admission.told };
  logHeldBack(log, target.name, removal, admission);
  return { steps: heldBack(planned), held: admission.guard, events, done: admission.told };
}

/**
 * Tells the guard what came or went, so that its shares are of what is there. A crash before loses a count, none is made twice; reconcile,
 * which lists all, sets it right.
 */
async function count({ guard }: SyncRolesDependencies, made: AccountEntry | undefined, entry: AccountEntry): Promise<void> {
  const [before, after] = [heldBy(made), heldBy(entry)];
  const change = { memberships: after.memberships - before.memberships, accounts: after.accounts - before.accounts };
  if (change.memberships !== 0 || change.accounts !== 0) await guard.held(change);
}

const directoryEvents: ReadonlySet<string> = new Set(eventTypes('active-directory.directory'));

/** Seconds from when a change of the directory was seen to when it is so at the target: DirSync tells no time of the change itself. */
function lagOf(cause: Cause, now: Date): { readonly lagSeconds?: number } {
  const { type, detectedAt } = rootOf(cause);
  if (detectedAt === undefined || !directoryEvents.has(type)) return {};
  return { lagSeconds: Math.max(0, (now.getTime() - Date.parse(detectedAt)) / 1000) };
}

function parseMessage(body: string): RoleMessage {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), roleMessageSchema), body);
  if (parsed.success) return parsed.output;
  throw new InvalidEventError(`not a message of decide-access or reconcile: ${parsed.issues.map((issue) => issue.message).join('; ')}`);
}
