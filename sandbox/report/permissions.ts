/** What each function used of its policies, and what it did not. */
import { surplusReasons } from '../../modules/index.ts';
import { surplus } from '../aws/iam/index.ts';
import type { Sandbox } from '../sandbox.ts';

export interface PermissionRow {
  readonly functionName: string;
  /** Actions that were called and allowed, sorted. */
  readonly used: readonly string[];
  /** Permissions that no call needed; `reason` is why they are granted all the same. */
  readonly surplus: readonly { readonly action: string; readonly resource: string; readonly reason?: string | undefined }[];
  /** Calls that the policies refused. */
  readonly denied: number;
}

export function permissionReport({ endpoint, stack }: Pick<Sandbox, 'endpoint' | 'stack'>): readonly PermissionRow[] {
  return [...stack.functions.values()]
    .sort((a, b) => a.name.localeCompare(b.name))
    .map(({ name, roleArn }) => {
      const calls = endpoint.calls.filter(({ caller }) => typeof caller === 'object' && 'roleArn' in caller && caller.roleArn === roleArn);
      const seen = calls.filter(({ outcome }) => outcome !== 'denied').flatMap(({ authorizations }) => authorizations);
      const policies = stack.roles.find(({ arn }) => arn === roleArn)?.policies ?? [];
      return {
        functionName: name,
        used: [...new Set(seen.map(({ action }) => action))].sort(),
        surplus: surplus(policies, seen).map(({ action, resource }) => ({ action, resource, reason: reasonFor(action) })),
        denied: calls.filter(({ outcome }) => outcome === 'denied').length,
      };
    });
}

function reasonFor(action: string): string | undefined {
  return surplusReasons.find((entry) => entry.action.toLowerCase() === action.toLowerCase())?.reason;
}
