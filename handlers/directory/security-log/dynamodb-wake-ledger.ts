/** Turns of waking in DynamoDB, beside the actor hints: one row a function. */
import { type DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { fromItem, isConditionFailed, toItem } from '../../platform/dynamodb.ts';
import type { WakeLedger, WakeTurn } from './wake.ts';

const key = (functionName: string) => ({ pk: `wake#${functionName}`, sk: 'wake' });

export function dynamoDbWakeLedger(client: DynamoDBClient, table: string): WakeLedger {
  return {
    async read(functionName) {
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: toItem(key(functionName)), ConsistentRead: true }));
      if (Item === undefined) return undefined;
      const { turn, holder, wakeAt, pending } = fromItem(Item) as unknown as WakeTurn;
      return { turn, holder, wakeAt, pending };
    },

    async write(functionName, turn) {
      const first = turn.turn === 1;
      try {
        await client.send(
          new PutItemCommand({
            TableName: table,
            Item: toItem({ ...key(functionName), ...turn }),
            // Our own turn may be written again: the SDK repeats a call whose answer was lost.
            ConditionExpression: `${first ? 'attribute_not_exists(pk)' : 'turn = :before'} OR (turn = :turn AND holder = :holder)`,
            ExpressionAttributeValues: toItem({
              ...(first ? {} : { ':before': turn.turn - 1 }),
              ':turn': turn.turn,
              ':holder': turn.holder,
            }),
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
