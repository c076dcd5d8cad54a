/**
 * What reconcile needs.
 * TARGET: the target's settings as JSON. TARGET_SECRET_ARN: its secret, or `none`. ROLE_QUEUE_URL: the FIFO queue of the target's sync-roles.
 * REPORT_BUCKET: where drift reports and the progress of a run lie, under `reconcile/<target>/`.
 * ENVIRONMENT: its environment's name. RECONCILE_MODE: `heal` or `report`. RECONCILE_EVERY_MINUTES: from the begin of one run to the begin of the next.
 */
export const reconcileEnvironment = [
  'ENVIRONMENT',
  'TARGET',
  'TARGET_SECRET_ARN',
  'GRANTS_TABLE',
  'ROLES_TABLE',
  'ROLE_QUEUE_URL',
  'IDENTITY_BUS',
  'REPORT_BUCKET',
  'RECONCILE_MODE',
  'RECONCILE_EVERY_MINUTES',
] as const;
