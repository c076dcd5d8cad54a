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
        surplus: surplus(policies, seen).map(({ action, resource }) => ({ action, resource, reason: reasonFor(name, action) })),
        denied: calls.filter(({ outcome }) => outcome === 'denied').length,
      };
    });
}

/** @param functionName `<prefix>-<environment>-<function>`, and the instance where there are several */
function reasonFor(functionName: string, action: string): string | undefined {
  const ofFunction = (name: string) => functionName.endsWith(`-${name}`) || functionName.includes(`-${name}-`);
  const reasons = surplusReasons.filter((entry) => entry.action.toLowerCase() === action.toLowerCase());
  return (reasons.find((entry) => entry.function && ofFunction(entry.function)) ?? reasons.find((entry) => !entry.function))?.reason;
}
