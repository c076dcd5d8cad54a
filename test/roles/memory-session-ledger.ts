/** Whose sessions are cut, in memory, for tests of the core. It is held to the same contract as the ledger in DynamoDB. */
import type { CutSessions, SessionLedger } from '../../handlers/roles/targets/identity-center/session-ledger.ts';

export interface MemorySessionLedger extends SessionLedger {
  readonly entries: Map<string, CutSessions>;
}

export function memorySessionLedger(): MemorySessionLedger {
  const entries = new Map<string, CutSessions>();
  return {
    entries,
    read: async (permissionSet) => structuredClone(entries.get(permissionSet)),
    async write(next) {
      if ((entries.get(next.permissionSet)?.version ?? 0) !== next.version - 1) return false;
      entries.set(next.permissionSet, structuredClone(next));
      return true;
    },
  };
}
