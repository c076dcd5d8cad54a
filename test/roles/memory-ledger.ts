/** The ledger in memory, for tests of the core. It is held to the same contract as the one in DynamoDB. */
import { RetryableError } from '../../handlers/platform/errors.ts';
import type { AccountEntry, Ledger, RoleEntry } from '../../handlers/roles/ledger.ts';

export interface MemoryLedger extends Ledger {
  readonly items: Map<string, AccountEntry | RoleEntry>;
}

export function memoryLedger(): MemoryLedger {
  const items = new Map<string, AccountEntry | RoleEntry>();
  /** A table holds no undefined attribute. */
  const copy = <T>(entry: T): T => (entry === undefined ? entry : (JSON.parse(JSON.stringify(entry)) as T));
  return {
    items,
    readAccount: async (pk) => copy(items.get(pk) as AccountEntry | undefined),
    readRole: async (pk) => copy(items.get(pk) as RoleEntry | undefined),
    async write(entry) {
      if ((items.get(entry.pk)?.version ?? 0) !== entry.version - 1)
        throw new RetryableError(`${entry.pk} was written by another run meanwhile`);
      items.set(entry.pk, copy(entry));
    },
  };
}
