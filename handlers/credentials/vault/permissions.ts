/** What the function's login needs in Vault for one credential, and no more: it deletes nothing that consumers read. */
import { pendingPath } from './vault-store.ts';

/** @returns capabilities by path, as a policy of Vault takes them (Vault, "Policies") */
export function vaultPolicy(mount: string, path: string): Readonly<Record<string, readonly string[]>> {
  const pending = pendingPath(path);
  return {
    [`${mount}/data/${path}`]: ['create', 'read', 'update'],
    [`${mount}/metadata/${path}`]: ['read'],
    [`${mount}/data/${pending}`]: ['create', 'read', 'update'],
    [`${mount}/metadata/${pending}`]: ['read'],
    [`${mount}/destroy/${pending}`]: ['update'],
  };
}
