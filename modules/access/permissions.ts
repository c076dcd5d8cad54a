/** What deciding access takes: the grants table, which it keeps, and the role mappings, which it reads. */
export const keepGrantsActions = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'] as const;
export const readGrantsActions = ['dynamodb:GetItem'] as const;
export const readRoleMappingsActions = ['s3:GetObject'] as const;
