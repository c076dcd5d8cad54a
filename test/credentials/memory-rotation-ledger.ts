/** A rotation ledger in memory, held to the same contract as the real one. */
import type { CredentialSettings } from '../../handlers/credentials/credential-settings.ts';
import { newEntry, type RotationEntry, type RotationLedger } from '../../handlers/credentials/rotation-ledger.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';

export interface MemoryRotationLedger extends RotationLedger {
  readonly entries: Map<string, RotationEntry>;
}

export function memoryRotationLedger(all: readonly CredentialSettings[] = []): MemoryRotationLedger {
  const entries = new Map<string, RotationEntry>();
  return {
    entries,
    settings: async () => all,
    read: async (name) => structuredClone(entries.get(name) ?? newEntry(name)),
    async write(entry) {
      if ((entries.get(entry.name)?.version ?? 0) !== entry.version - 1) throw new RetryableError('another run was first');
      // As DynamoDB keeps it: without what is undefined.
      entries.set(entry.name, JSON.parse(JSON.stringify(entry)) as RotationEntry);
    },
  };
}
