/**
 * What close-audit needs. TRAIL: whose trail it is, `<prefix>-<environment>`; AUDIT_BUCKET and AUDIT_TABLE: names of what holds it;
 * AUDIT_KEY_ARN: the KMS key that encrypts the bucket; DIGEST_KEY_ID: the one that signs.
 */
export const closeAuditEnvironment = ['TRAIL', 'AUDIT_BUCKET', 'AUDIT_TABLE', 'AUDIT_KEY_ARN', 'DIGEST_KEY_ID'] as const;
