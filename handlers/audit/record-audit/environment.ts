/**
 * What record-audit needs. AUDIT_LOG_GROUP: name of the log group that holds the audit trail. AUDIT_QUEUE_URL: its own queue, to put
 * failed messages off.
 */
export const recordAuditEnvironment = ['AUDIT_LOG_GROUP', 'AUDIT_QUEUE_URL'] as const;
