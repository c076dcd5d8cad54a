/**
 * What decide-access needs.
 * DIRECTORY_DOMAINS: DNS names of the watched directories, separated by commas.
 * ACCESS_BUCKET and ACCESS_KEY: the S3 object with the configuration, beside its policies; the key holds a hash of the content, so a warm
 * function may keep it.
 * DECISION_QUEUE_URL: its own queue, for fan-out to principals. ROLE_QUEUES: the FIFO queue of each target's sync-roles, as JSON.
 */
export const decideAccessEnvironment = [
  'DIRECTORY_TABLE',
  'DIRECTORY_DOMAINS',
  'GRANTS_TABLE',
  'ACCESS_BUCKET',
  'ACCESS_KEY',
  'DECISION_QUEUE_URL',
  'ROLE_QUEUES',
  'IDENTITY_BUS',
] as const;
