/** sync-roles with its ports in memory, before any target, for tests of whole runs. */
import type { PrincipalMessage, RoleDriftMessage } from '../../handlers/access/role-message.ts';
import { type AnyIdentityEvent, parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import type { Guard } from '../../handlers/roles/guard.ts';
import { type AccountEntry, accountPk, type RoleEntry, rolePk } from '../../handlers/roles/ledger.ts';
import { plan, type TargetRules, wantedAt } from '../../handlers/roles/plan.ts';
import type { SyncRolesDependencies } from '../../handlers/roles/sync-roles/dependencies.ts';
import { syncRoles } from '../../handlers/roles/sync-roles/sync-roles.ts';
import { memoryGrants } from '../access/memory-grants.ts';
import { domain, guidOf } from '../directory/rows.ts';
import { type CallWatch, watching } from '../platform/watched-calls.ts';
import { desired, targetName, type Wish } from './desired.ts';
import { memoryGuard } from './memory-guard.ts';
import { memoryLedger } from './memory-ledger.ts';
import type { TargetWorld } from './target-world.ts';

export const messageOf = (revision: number, more: Partial<PrincipalMessage> = {}): string =>
  JSON.stringify({ domain, guid: guidOf(1), revision, cause: { id: `decision-${revision}`, type: 'AccessDecided' }, ...more });

export const driftMessage = (revision: number, drift: NonNullable<PrincipalMessage['drift']>, extraRoles: string[] = []): string =>
  messageOf(revision, { cause: { id: drift.run, type: 'DriftFound', detectedAt: drift.run }, drift, extraRoles });

export const roleMessage = (role: string, message: Omit<RoleDriftMessage, 'role' | 'cause'>): string =>
  JSON.stringify({ role, cause: { id: message.drift.run, type: 'DriftFound', detectedAt: message.drift.run }, ...message });

export interface Settings extends Pick<TargetRules, 'onInactive' | 'onDeleted'> {
  readonly guard: Pick<Guard, 'admit' | 'held'>;
  readonly now: () => Date;
  readonly millisecondsLeft: () => number;
}

export function syncing(world: TargetWorld, settings: Partial<Settings> = {}) {
  const [grants, ledger] = [memoryGrants(), memoryLedger()];
  const { onInactive = 'deactivate', onDeleted = 'delete', guard = memoryGuard(), now = () => new Date() } = settings;
  const published: AnyIdentityEvent[] = [];
  const logged: string[] = [];
  const waits: number[] = [];
  const log = (code: string) => void logged.push(code);
  const pk = accountPk(targetName, domain, guidOf(1));
  const publish = async (events: readonly AnyIdentityEvent[]) => {
    for (const event of events) {
      const { Source, DetailType, Detail } = toEntry(event);
      published.push(parseEvent({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) }));
    }
  };
  const dependencies = (watch: CallWatch = {}): SyncRolesDependencies => {
    const { wrap } = watching(watch);
    // Each call to the target's API is watched, not each call of the port: a run may end between two of them.
    const { pace } = wrap({ pace: (call: () => Promise<unknown>) => call() });
    return {
      ...wrap({ publish }),
      grants: wrap({ read: grants.read }),
      ledger: wrap({ readAccount: ledger.readAccount, readRole: ledger.readRole, write: ledger.write }),
      guard: wrap({ admit: guard.admit, held: guard.held }),
      target: world.target(pace as <T>(call: () => Promise<T>) => Promise<T>),
      onInactive,
      onDeleted,
      log: { info: log, warn: log, error: log },
      now,
      wait: async (milliseconds) => void waits.push(milliseconds),
      millisecondsLeft: settings.millisecondsLeft ?? (() => 60_000),
    };
  };
  /** Sends a message, and counts the calls to the target. */
  const send = async (body: string, watch: CallWatch = {}): Promise<number> => {
    let calls = 0;
    const before = (number: number, name: string) => {
      if (name === 'pace') calls += 1;
      return watch.before?.(number, name);
    };
    await syncRoles(dependencies({ ...watch, before }), body);
    return calls;
  };
  return {
    grants,
    ledger,
    published,
    logged,
    waits,
    dependencies,
    send,
    /** The grants table says so from now on. */
    wish(revision: number, wish: Wish): void {
      const item = desired(revision, wish);
      grants.items.set(item.pk, item);
    },
    /** @returns calls to the target */
    run: (revision = 1, watch?: CallWatch) => send(messageOf(revision), watch),
    made: () => ledger.items.get(pk) as AccountEntry | undefined,
    madeRole: (role: string) => ledger.items.get(rolePk(targetName, role)) as RoleEntry | undefined,
    planLeft() {
      const item = [...grants.items.values()][0];
      if (item === undefined) throw new Error('nothing is desired');
      const { setActive, sessions } = world.target();
      const rules = { onInactive, onDeleted, canDeactivate: setActive !== undefined, cutsSessions: sessions !== undefined };
      return plan(wantedAt(item, targetName), ledger.items.get(pk) as AccountEntry | undefined, rules, now().toISOString());
    },
    /** What was told of the principal, each once and in order. Of the roles that were made for it, `rolesMade` tells. */
    told: () =>
      [...new Map(published.map((event) => [event.id, event])).values()].filter(({ type }) => type !== 'RoleProvisioned').map(nameOf),
    rolesMade: () => published.flatMap((event) => (event.type === 'RoleProvisioned' ? [event.change.role] : [])),
  };
}

/** `type role`, `type kind` of what tells of one. */
export function nameOf(event: AnyIdentityEvent): string {
  if (event.type === 'RoleGranted' || event.type === 'RoleRevoked') return `${event.type} ${event.change.grant.role}`;
  if (event.type === 'DriftHealed') return `${event.type} ${event.change.kind}`;
  if (event.type === 'RoleAssigned' || event.type === 'RoleUnassigned')
    return `${event.type} ${event.change.role} ${event.change.assignment.permissionSet}`;
  return event.type;
}
