/** What the directory's functions may do at the mirror and at the bind secret, and what readers of the mirror may do. */

/** detect-changes keeps the mirror: rows, edges, the cursor and its lease. */
export const maintainMirrorActions = ['dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem'] as const;
/** Who reads the mirror sees objects and their edges. */
export const readMirrorActions = ['dynamodb:BatchGetItem', 'dynamodb:Query'] as const;
/** Both list the mirror by the index. */
export const listMirrorActions = ['dynamodb:Query'] as const;

export const readBindSecretActions = ['secretsmanager:GetSecretValue'] as const;

/** What the schedule's role may do. */
export const invokeActions = ['lambda:InvokeFunction'] as const;
