/** A guard over a store in memory, for tests of the core. The store is held to the same contract as the one in DynamoDB. */

import type { Guard } from '../../handlers/roles/guard.ts';
import { guardLimits, openGuard } from '../../handlers/roles/guard-limits.ts';
import { type GuardStore, type KeptRemoval, type KeptState, stagedFirst } from '../../handlers/roles/guard-store.ts';
import { type GuardSettings, guarding } from '../../handlers/roles/guarding.ts';

export interface MemoryGuardStore extends GuardStore {
  readonly removals: Map<string, KeptRemoval>;
  kept(): KeptState;
}

export function memoryGuardStore(): MemoryGuardStore {
  const removals = new Map<string, KeptRemoval>();
  const decided = new Map<string, readonly string[]>();
  let kept: KeptState = { version: 0, state: openGuard, held: { memberships: 0, accounts: 0 } };
  /** A table holds no undefined attribute. */
  const copy = <T>(value: T): T => (value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T));
  return {
    removals,
    kept: () => copy(kept),
    read: async () => copy(kept),
    async replace(version, state) {
      if (kept.version !== version) return false;
      kept = { ...kept, version: version + 1, state: copy(state) };
      return true;
    },
    async hold({ memberships, accounts, exactly }) {
      const before = exactly ? { memberships: 0, accounts: 0 } : kept.held;
      kept = { ...kept, held: { memberships: before.memberships + memberships, accounts: before.accounts + accounts } };
    },
    readRemoval: async (key) => copy(removals.get(key)),
    async writeRemoval(removal) {
      if ((removals.get(removal.key)?.version ?? 0) !== removal.version - 1) return false;
      removals.set(removal.key, copy(removal));
      return true;
    },
    removalsOf: async (guard) => copy([...removals.values()].filter((one) => one.guard === guard).sort(stagedFirst)),
    async writeSeen(decision, seen) {
      decided.set(decision, [...seen]);
    },
    readSeen: async (decision) => new Set(decided.get(decision)),
  };
}

/** A guard with the default limits, where nothing else is said. */
export const memoryGuard = (settings: Partial<GuardSettings> = {}, store: GuardStore = memoryGuardStore()): Guard =>
  guarding(store, { target: 'identity-center', limits: guardLimits({}), now: () => new Date(), ...settings });
