/** What writing the audit trail takes. Reading, changing and deleting it takes more than record-audit has. */
export const writeTrailActions = ['logs:CreateLogStream', 'logs:PutLogEvents'] as const;
