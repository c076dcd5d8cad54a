/** The roles table in DynamoDB. */
import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { fromItem, putNextVersion, toItem } from '../platform/dynamodb.ts';
import { RetryableError } from '../platform/errors.ts';
import type { AccountEntry, Ledger, RoleEntry } from './ledger.ts';

export function dynamoDbLedger(client: DynamoDBClient, table: string): Ledger {
  const read = async <T>(pk: string): Promise<T | undefined> => {
    const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: toItem({ pk }), ConsistentRead: true }));
    return Item === undefined ? undefined : (fromItem(Item) as T);
  };
  return {
    readAccount: (pk) => read<AccountEntry>(pk),
    readRole: (pk) => read<RoleEntry>(pk),
    async write(entry) {
      if (!(await putNextVersion(client, table, entry)))
        throw new RetryableError(`${entry.pk} was written by another run meanwhile: the message is tried again`);
    },
  };
}
