/** Whose sessions are cut, in the roles table: one item a permission set, `pk = <target>#sessions#<permission set>`. */
import { type DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { fromItem, putNextVersion, toItem } from '../../../platform/dynamodb.ts';
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
    write: (next) => putNextVersion(client, table, { pk: sessionsPk(target, next.permissionSet), ...next }),
  };
}
