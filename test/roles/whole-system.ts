/** Deciding's result, sync-roles, reconcile, the guard and settle-guard around one target, with a queue whose messages can be lost. */
import { roleEntry } from '../../handlers/access/role-entry.ts';
import type { RoleMessage } from '../../handlers/access/role-message.ts';
import { type AnyIdentityEvent, toEntry } from '../../handlers/events/identity-event.ts';
import { digestOf, type GuardDecision, guardDecided } from '../../handlers/roles/guard-decision.ts';
import { guardLimits } from '../../handlers/roles/guard-limits.ts';
import { settleGuard } from '../../handlers/roles/settle-guard/settle-guard.ts';
import { Killed, killedAfter, watching } from '../platform/watched-calls.ts';
import { desired, targetName, type Wish } from './desired.ts';
import { memoryGuard, memoryGuardStore } from './memory-guard.ts';
import { reconciling } from './reconciling.ts';
import { approver } from './settling.ts';
import { syncing } from './syncing.ts';
import type { TargetWorld } from './target-world.ts';

/** A few of anything trip it. */
const limits = guardLimits({
  revocations: { run: { most: 2, share: 1 }, hour: { most: 4, share: 1 }, day: { most: 6, share: 1 } },
  accounts: { run: { most: 1, share: 1 }, hour: { most: 1, share: 1 }, day: { most: 2, share: 1 } },
});
const hourMs = 3_600_000;
/** Receives until a message is given up. */
const receives = 3;

export function wholeSystem(world: TargetWorld) {
  const store = memoryGuardStore();
  /** Of the guard and of reconcile: decisions are long settled for them. */
  let ahead = 24 * hourMs;
  const now = () => new Date(Date.now() + ahead);
  const guard = memoryGuard({ limits, now }, store);
  const sync = syncing(world, { guard });
  const settled: AnyIdentityEvent[] = [];
  const queue: RoleMessage[] = [];
  const send = async (messages: readonly RoleMessage[]) => void queue.push(...messages);
  const reconciler = reconciling(world.target(), { grants: sync.grants, ledger: sync.ledger, guard, send, now });
  /** Everything that was told, each once and in order. */
  const published: AnyIdentityEvent[] = [];
  const gather = () => {
    for (const from of [reconciler.published, sync.published, settled]) published.push(...from.splice(0));
  };

  const handle = async (message: RoleMessage, kill?: number): Promise<boolean> => {
    try {
      await sync.send(roleEntry(message).MessageBody, kill === undefined ? {} : killedAfter(kill));
      return true;
    } catch {
      return false; // it stays in the queue, as what any function throws
    } finally {
      gather();
    }
  };

  return {
    sync,
    published,
    queue,
    decide(number: number, wish: Wish): void {
      const before = sync.grants.items.get(desired(1, wish, number).pk);
      const item = { ...desired((before?.revision ?? 0) + 1, wish, number), decidedAt: new Date().toISOString() };
      sync.grants.items.set(item.pk, item);
      const { domain, subject, revision } = item;
      queue.push({ domain, guid: subject.guid, revision, cause: { id: `decision-${revision}`, type: 'AccessDecided' } });
    },
    /** Handles the oldest message, interrupted after so many calls. */
    async step(kill: number | undefined): Promise<void> {
      const [first] = queue;
      if (first !== undefined && (await handle(first, kill))) queue.shift();
    },
    /** The oldest message ends in the dead-letter queue. */
    lose: () => void queue.shift(),
    async drain(): Promise<void> {
      for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
        for (let receive = 1; receive <= receives && !(await handle(message)); receive += 1);
      }
    },
    async reconcile(kill?: number): Promise<void> {
      const { wrap } = watching(kill === undefined ? {} : killedAfter(kill));
      try {
        await reconciler.run({ now: true }, { guard: wrap(guard), grants: wrap({ scan: sync.grants.scan }), ...wrap({ send }) });
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
      gather();
    },
    async settle(outcome: GuardDecision['outcome'], kill?: number): Promise<boolean> {
      const id = store.kept().state.tripped?.id;
      if (id === undefined) return false;
      const staged = (await store.removalsOf(id)).filter((one) => one.outcome === 'staged');
      const decision = { target: targetName, guard: id, outcome, by: approver, staged: staged.length, digest: digestOf(staged) };
      const { Source, DetailType, Detail } = toEntry(guardDecided(decision, Buffer.from('a signature'), now().toISOString()));
      const body = JSON.stringify({ source: Source, 'detail-type': DetailType, detail: JSON.parse(Detail) });
      const log = { info: () => {}, warn: () => {}, error: () => {} };
      const publish = async (events: readonly AnyIdentityEvent[]) => void settled.push(...events);
      const attempt = (last?: number) => {
        const { wrap } = watching(last === undefined ? {} : killedAfter(last));
        const targets = new Map([[targetName, { store: wrap(store), ...wrap({ send }) }]]);
        return settleGuard({ targets, verify: async () => true, log, now, ...wrap({ publish }) }, body);
      };
      await attempt(kill).catch((error: unknown) => {
        if (!(error instanceof Killed)) throw error;
        return attempt();
      });
      gather();
      return true;
    },
    later(hours: number): void {
      ahead += hours * hourMs;
    },
  };
}
