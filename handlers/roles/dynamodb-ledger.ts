/** The roles table in DynamoDB. */
import { type AttributeValue, BatchGetItemCommand, type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { eachLimited, fromItem, putNextVersion, toItem } from '../platform/dynamodb.ts';
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

/** Keys of one BatchGetItem, DynamoDB's limit, and requests under way at once. */
const batchKeys = 100;
const width = 8;

/** Items of many accounts, consistent, by their keys; those that are not there are left out. */
export type ReadAccounts = (pks: readonly string[]) => Promise<ReadonlyMap<string, AccountEntry>>;

export const dynamoDbAccounts =
  (client: DynamoDBClient, table: string): ReadAccounts =>
  async (pks) => {
    const entries = new Map<string, AccountEntry>();
    const batches = Array.from({ length: Math.ceil(pks.length / batchKeys) }, (_, index) =>
      pks.slice(index * batchKeys, (index + 1) * batchKeys),
    );
    await eachLimited(batches, width, async (batch) => {
      let pending: Record<string, AttributeValue>[] = batch.map((pk) => toItem({ pk }));
      while (pending.length > 0) {
        const { Responses, UnprocessedKeys } = await client.send(
          new BatchGetItemCommand({ RequestItems: { [table]: { Keys: pending, ConsistentRead: true } } }),
        );
        for (const item of Responses?.[table] ?? []) {
          const entry = fromItem(item) as unknown as AccountEntry;
          entries.set(entry.pk, entry);
        }
        pending = UnprocessedKeys?.[table]?.Keys ?? [];
      }
    });
    return entries;
  };
