/** The grants table in memory, for tests of the core. It is held to the same contract as the one in DynamoDB. */
import type { Grants, PrincipalGrants } from '../../handlers/access/grants.ts';

export interface MemoryGrants extends Grants {
  readonly items: Map<string, PrincipalGrants>;
}

export function memoryGrants(): MemoryGrants {
  const items = new Map<string, PrincipalGrants>();
  return {
    items,
    async read(pk) {
      return structuredClone(items.get(pk));
    },
    async replace(next) {
      if ((items.get(next.pk)?.revision ?? 0) !== next.revision - 1) return false;
      items.set(next.pk, structuredClone(next));
      return true;
    },
    async announced(pk, revision) {
      const item = items.get(pk);
      if (item?.revision === revision) items.set(pk, { ...item, unannounced: [] });
    },
  };
}
