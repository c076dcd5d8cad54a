/** What record-audit needs. AUDIT_LOG_GROUP: name of the log group that holds the audit trail. */
export const recordAuditEnvironment = ['AUDIT_LOG_GROUP'] as const;
