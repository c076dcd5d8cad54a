/**
 * What record-audit needs. AUDIT_LOG_GROUP, AUDIT_BUCKET and AUDIT_TABLE: names of what holds the trail and its claims; AUDIT_KEY_ARN: the
 * KMS key that encrypts the bucket; AUDIT_KEEP_DAYS: how long a claim is kept. AUDIT_QUEUE_URL: its own queue, to put failed messages off.
 * CODE_REVISION and CONFIGURATION_REVISION: what is deployed, see `audit-record.ts`.
 */
export const recordAuditEnvironment = [
  'AUDIT_LOG_GROUP',
  'AUDIT_BUCKET',
  'AUDIT_TABLE',
  'AUDIT_KEY_ARN',
  'AUDIT_KEEP_DAYS',
  'AUDIT_QUEUE_URL',
  'CODE_REVISION',
  'CONFIGURATION_REVISION',
] as const;
