/**
 * What decide-access needs.
 * ROLE_MAPPINGS_BUCKET and _KEY: the S3 object with the role mappings; the key holds a hash of the content, so a warm function may keep it.
 * DECISION_QUEUE_URL: its own queue, for fan-out to principals. ROLE_QUEUE_URL: the FIFO queue of sync-roles.
 */
export const decideAccessEnvironment = [
  'DIRECTORY_TABLE',
  'GRANTS_TABLE',
  'ROLE_MAPPINGS_BUCKET',
  'ROLE_MAPPINGS_KEY',
  'DECISION_QUEUE_URL',
  'ROLE_QUEUE_URL',
  'IDENTITY_BUS',
] as const;
