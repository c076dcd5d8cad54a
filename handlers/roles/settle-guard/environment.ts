/**
 * What settle-guard needs.
 * ROLE_QUEUES: JSON, each target's FIFO queue by the target's name. APPROVAL_KEY_ID: the KMS key that decisions are signed with.
 * GUARD_QUEUE_URL: its own queue, to put failed messages off.
 */
export const settleGuardEnvironment = ['GRANTS_TABLE', 'ROLE_QUEUES', 'IDENTITY_BUS', 'APPROVAL_KEY_ID', 'GUARD_QUEUE_URL'] as const;
