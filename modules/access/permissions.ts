/** What deciding access takes: the grants table, which it keeps, and the configuration, which it reads; and what others may do at that table. */
export const keepGrantsActions = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'] as const;
export const readGrantsActions = ['dynamodb:GetItem'] as const;
/** Reads what was told of the configuration, which is one partition. */
export const readKnownConfigurationActions = ['dynamodb:Query'] as const;
/** Names no partition, so it cannot be held to principals. */
export const scanGrantsActions = ['dynamodb:Scan'] as const;
/** Each call names the partition of one target's guard. */
export const keepGuardsActions = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem'] as const;
/** Sets what a target holds, of which a guard's shares are, and asks the guard nothing. */
export const countHeldActions = ['dynamodb:UpdateItem'] as const;
/** A review tells when mappings end; it reads no policy. */
export const readMappingsActions = ['s3:GetObject'] as const;
export const readConfigurationActions = ['s3:GetObject'] as const;
