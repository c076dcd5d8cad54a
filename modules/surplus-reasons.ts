/** Why a permission is wider than a resource, or is there although an ordinary run never uses it: for reviewers, tests and the sandbox's report. */
import { rarelyUsed as rarelyUsedByAudit } from './audit/permissions.ts';
import { rarelyUsed as rarelyUsedByCredentials } from './credentials/permissions.ts';
import { rarelyUsed as rarelyUsedByDirectories } from './directory/permissions.ts';
import { rarelyUsed, unscoped as unscopedAnywhere } from './platform/permissions.ts';
import type { ActionReason } from './platform/policy.ts';
import { rarelyUsed as rarelyUsedByRoles, unscoped as unscopedRoles } from './roles/permissions.ts';

/** Actions that IAM cannot scope to resources we could name. */
export const unscopedActions: readonly ActionReason[] = [...unscopedAnywhere, ...unscopedRoles];

/** Actions that an ordinary run of a function's code does not call. */
export const surplusReasons: readonly ActionReason[] = [
  ...rarelyUsed,
  ...rarelyUsedByDirectories,
  ...rarelyUsedByRoles,
  ...rarelyUsedByCredentials,
  ...rarelyUsedByAudit,
];
