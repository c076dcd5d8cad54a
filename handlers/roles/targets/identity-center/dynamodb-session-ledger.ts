/** Whose sessions are cut, in the roles table: one item a permission set, `pk = <target>#sessions#<permission set>`. */
import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { fromItem, isConditionFailed, toItem } from '../../../platform/dynamodb.ts';
import { type CutSessions, type SessionLedger, sessionsPk } from './session-ledger.ts';

export function dynamoDbSessionLedger(client: DynamoDBClient, table: string, target: string): SessionLedger {
  return {
    async read(permissionSet) {
      const Key = toItem({ pk: sessionsPk(target, permissionSet) });
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }));
      if (Item === undefined) return undefined;
      const { pk: _, ...entry } = fromItem(Item);
      return entry as unknown as CutSessions;
    },
    async write(next) {
      const first = next.version === 1;
      try {
        await client.send(
          new PutItemCommand({
            TableName: table,
            Item: toItem({ pk: sessionsPk(target, next.permissionSet), ...next }),
            ConditionExpression: first ? 'attribute_not_exists(pk)' : 'version = :before',
            ...(first ? {} : { ExpressionAttributeValues: toItem({ ':before': next.version - 1 }) }),
          }),
        );
        return true;
      } catch (error) {
        if (isConditionFailed(error)) return false;
        throw error;
      }
    },
  };
}
