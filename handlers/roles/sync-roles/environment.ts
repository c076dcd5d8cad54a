/**
 * What sync-roles needs.
 * GRANTS_TABLE is read only; ROLES_TABLE is its own ledger of what it made at the target. IDENTITY_STORE_ID: d-xxxxxxxxxx.
 * IDENTITY_STORE_REGION: the region of IAM Identity Center, which may differ from the function's.
 * ROLE_QUEUE_URL: its own queue, to put failed messages off.
 * ON_DELETED: `delete` or `keep`, what becomes of the target's user when the directory's is deleted.
 */
export const syncRolesEnvironment = [
  'GRANTS_TABLE',
  'ROLES_TABLE',
  'IDENTITY_STORE_ID',
  'IDENTITY_STORE_REGION',
  'ON_DELETED',
  'ROLE_QUEUE_URL',
  'IDENTITY_BUS',
] as const;
