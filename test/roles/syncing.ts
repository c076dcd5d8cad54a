/** sync-roles with its ports in memory, before any target, for tests of whole runs. */
import { identityCenter } from '../../handlers/access/decide.ts';
import { type AnyIdentityEvent, parseEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { type AccountEntry, accountPk } from '../../handlers/roles/ledger.ts';
import { plan } from '../../handlers/roles/plan.ts';
import { type SyncRolesDependencies, syncRoles } from '../../handlers/roles/sync-roles/sync-roles.ts';
import { memoryGrants } from '../access/memory-grants.ts';
import { domain, guidOf } from '../directory/rows.ts';
import { type CallWatch, watching } from '../platform/watched-calls.ts';
import { desired, type Wish } from './desired.ts';
import { memoryLedger } from './memory-ledger.ts';
import type { TargetWorld } from './target-world.ts';

export const messageOf = (revision: number): string =>
  JSON.stringify({ domain, guid: guidOf(1), revision, cause: { id: `decision-${revision}`, type: 'AccessDecided' } });

export function syncing(world: TargetWorld) {
  const [grants, ledger] = [memoryGrants(), memoryLedger()];
  const published: AnyIdentityEvent[] = [];
  const logged: string[] = [];
  const log = (code: string) => void logged.push(code);
  const pk = accountPk(identityCenter, domain, guidOf(1));
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
      target: world.target(pace as <T>(call: () => Promise<T>) => Promise<T>),
      onDeleted: 'delete',
      log: { info: log, warn: log, error: log },
      now: () => new Date(),
    };
  };
  return {
    grants,
    ledger,
    published,
    logged,
    dependencies,
    /** The grants table says so from now on. */
    wish(revision: number, wish: Wish): void {
      const item = desired(revision, wish);
      grants.items.set(item.pk, item);
    },
    run: (revision = 1, watch?: CallWatch) => syncRoles(dependencies(watch), messageOf(revision)),
    made: () => ledger.items.get(pk) as AccountEntry | undefined,
    planLeft() {
      const item = [...grants.items.values()][0];
      if (item === undefined) throw new Error('nothing is desired');
      return plan(item, ledger.items.get(pk) as AccountEntry | undefined, identityCenter, 'delete');
    },
    /** `type role` of each distinct event, in order. */
    /** What was told of the principal, each once. Of the roles that were made for it, `rolesMade` tells. */
    told: () =>
      [...new Map(published.map((event) => [event.id, event])).values()].filter(({ type }) => type !== 'RoleProvisioned').map(nameOf),
    rolesMade: () => published.flatMap((event) => (event.type === 'RoleProvisioned' ? [event.change.role] : [])),
  };
}

export const nameOf = (event: AnyIdentityEvent): string =>
  event.type === 'RoleGranted' || event.type === 'RoleRevoked' ? `${event.type} ${event.change.grant.role}` : event.type;
