/** What the directory's functions may do at the mirror, the actor hints and the bind secret, and what readers of the mirror may do. */
import type { ActionReason } from '../platform/policy.ts';

/** detect-changes keeps the mirror of its directory: rows, edges, the cursor and its lease. Each call names the partitions it touches. */
export const maintainMirrorActions = ['dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem'] as const;
/** Names no partition, so it cannot be held to one directory's. */
export const scanMirrorActions = ['dynamodb:Scan'] as const;
/** Who reads the mirror sees objects and their edges. */
export const readMirrorActions = ['dynamodb:BatchGetItem', 'dynamodb:Query'] as const;
/** A review of access looks up when people last logged on. */
export const lookUpObjectsActions = ['dynamodb:BatchGetItem'] as const;
/** Both list the mirror by its indexes. */
export const listMirrorActions = ['dynamodb:Query'] as const;

/** detect-changes looks up who did it; read-security-log keeps that, and takes turns with itself at waking detect-changes. */
export const readHintsActions = ['dynamodb:Query'] as const;
export const keepHintsActions = ['dynamodb:BatchWriteItem'] as const;
export const takeTurnsActions = ['dynamodb:GetItem', 'dynamodb:PutItem'] as const;

export const readBindSecretActions = ['secretsmanager:GetSecretValue'] as const;

/** What AWS Directory Service may do at the log group it forwards a Security log to. */
export const forwardLogActions = ['logs:CreateLogStream', 'logs:PutLogEvents'] as const;

/** What an ordinary run never calls. */
export const rarelyUsed: readonly ActionReason[] = [
  {
    action: 'dynamodb:Scan',
    reason: 'looks at every row of the mirror after a full sync, and regularly where deletions are not shown to the account that reads',
  },
];
