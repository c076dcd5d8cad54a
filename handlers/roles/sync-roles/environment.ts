/**
 * What sync-roles needs.
 * TARGET: its target's settings, JSON (see `target-settings.ts`). TARGET_SECRET_ARN: the secret that the target is opened with, or `none`.
 * GRANTS_TABLE is read, but for the guard's own items; ROLES_TABLE is its own ledger of what it made at the target.
 * ROLE_QUEUE_URL: its own queue, to put failed messages off. ENVIRONMENT: its environment's name.
 */
export const syncRolesEnvironment = [
  'ENVIRONMENT',
  'TARGET',
  'TARGET_SECRET_ARN',
  'GRANTS_TABLE',
  'ROLES_TABLE',
  'ROLE_QUEUE_URL',
  'IDENTITY_BUS',
] as const;
