/** What is remembered of revalidations, as an item of the grants table. */
import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { fromItem, toItem } from '../platform/dynamodb.ts';
import type { RevalidationState, Revalidations } from './revalidation.ts';

const key = { pk: 'revalidation', sk: 'state' } as const;

export function dynamoDbRevalidations(client: DynamoDBClient, table: string): Revalidations {
  return {
    async read() {
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: toItem(key), ConsistentRead: true }));
      if (Item === undefined) return undefined;
      const { at, digest, since, revision } = fromItem(Item) as unknown as RevalidationState;
      return { at, digest, since, revision };
    },
    async write({ at, digest, since, revision }) {
      await client.send(new PutItemCommand({ TableName: table, Item: toItem({ ...key, at, digest, since, revision }) }));
    },
  };
}
