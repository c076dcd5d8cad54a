/** The grants table in DynamoDB. Its other items (guards, what they hold back, revalidation) have sort keys of their own. */
import { type DynamoDBClient, GetItemCommand, PutItemCommand, ScanCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { fromItem, isConditionFailed, toItem } from '../platform/dynamodb.ts';
import type { Grants, PrincipalGrants } from './grants.ts';

/** Sort key of principals' items. */
const sk = 'grants';

export function dynamoDbGrants(client: DynamoDBClient, table: string): Grants {
  return {
    async read(pk) {
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: toItem({ pk, sk }), ConsistentRead: true }));
      return Item === undefined ? undefined : ofItem(Item);
    },
    async replace(next, before) {
      try {
        await client.send(
          new PutItemCommand({
            TableName: table,
            Item: toItem({ ...next, sk }),
            ConditionExpression: before === undefined ? 'attribute_not_exists(pk)' : 'revision = :before',
            ...(before === undefined ? {} : { ExpressionAttributeValues: toItem({ ':before': before.revision }) }),
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
            Key: toItem({ pk, sk }),
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
    async scan(after) {
      // A page ends at 1 MB before the filter, so it may hold no principal and yet not be the last.
      const { Items = [], LastEvaluatedKey } = await client.send(
        new ScanCommand({
          TableName: table,
          ConsistentRead: true,
          FilterExpression: 'sk = :sk',
          ExpressionAttributeValues: toItem({ ':sk': sk }),
          ...(after === undefined ? {} : { ExclusiveStartKey: toItem(JSON.parse(after)) }),
        }),
      );
      return { items: Items.map(ofItem), after: LastEvaluatedKey === undefined ? undefined : JSON.stringify(fromItem(LastEvaluatedKey)) };
    },
  };
}

function ofItem(item: Parameters<typeof fromItem>[0]): PrincipalGrants {
  const { sk: _, ...grants } = fromItem(item);
  return grants as unknown as PrincipalGrants;
}
