/** The grants table in memory, for tests of the core. It is held to the same contract as the one in DynamoDB. */
import type { Grants, PrincipalGrants } from '../../handlers/access/grants.ts';

export interface MemoryGrants extends Grants {
  readonly items: Map<string, PrincipalGrants>;
}

/** Items of one stretch of a scan: few, so that tests come to the next one. */
const stretch = 2;

export function memoryGrants(): MemoryGrants {
  const items = new Map<string, PrincipalGrants>();
  return {
    items,
    async read(pk) {
      return structuredClone(items.get(pk));
    },
    async replace(next, before) {
      if (items.get(next.pk)?.revision !== before?.revision) return false;
      items.set(next.pk, structuredClone(next));
      return true;
    },
    async announced(pk, revision) {
      const item = items.get(pk);
      if (item?.revision === revision) items.set(pk, { ...item, unannounced: [] });
    },
    async scan(after = '') {
      const left = [...items.keys()].filter((pk) => pk > after).sort();
      const pks = left.slice(0, stretch);
      const found = pks.flatMap((pk) => items.get(pk) ?? []);
      return { items: structuredClone(found), after: left.length > stretch ? pks.at(-1) : undefined };
    },
  };
}
