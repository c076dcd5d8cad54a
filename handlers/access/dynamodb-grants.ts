/** The grants table in DynamoDB. */
import { type DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { fromItem, isConditionFailed, toItem } from '../platform/dynamodb.ts';
import type { Grants, PrincipalGrants } from './grants.ts';

export function dynamoDbGrants(client: DynamoDBClient, table: string): Grants {
  return {
    async read(pk) {
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: toItem({ pk }), ConsistentRead: true }));
      return Item === undefined ? undefined : (fromItem(Item) as unknown as PrincipalGrants);
    },
    async replace(next) {
      const first = next.revision === 1;
      try {
        await client.send(
          new PutItemCommand({
            TableName: table,
            Item: toItem(next),
            ConditionExpression: first ? 'attribute_not_exists(pk)' : 'revision = :before',
            ...(first ? {} : { ExpressionAttributeValues: toItem({ ':before': next.revision - 1 }) }),
          }),
        );
        return true;
      } catch (error) {
        if (isConditionFailed(error)) return false;
        throw error;
      }
    },
    async announced(pk, revision) {
      try {
        await client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: toItem({ pk }),
            UpdateExpression: 'SET unannounced = :none',
            ConditionExpression: 'revision = :revision',
            ExpressionAttributeValues: toItem({ ':none': [], ':revision': revision }),
          }),
        );
      } catch (error) {
        // A later decision carries our event along and announces it once more, under the same id.
        if (!isConditionFailed(error)) throw error;
      }
    },
  };
}
