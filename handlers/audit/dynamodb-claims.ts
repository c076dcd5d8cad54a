/** Claims and written segments in the audit table: `event#<id>`, and `hour#<hour>` with an item a segment. */
import {
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateQuery,
  TransactionCanceledException,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { fromItem, toItem } from '../platform/dynamodb.ts';
import { RetryableError } from '../platform/errors.ts';
import type { Claim, EventClaims, WrittenSegment } from './event-claims.ts';
import { hourOfKey } from './segment.ts';

const claimKey = (eventId: string) => ({ pk: `event#${eventId}`, sk: 'claim' });
const writtenKey = (key: string) => ({ pk: `hour#${hourOfKey(key)}`, sk: key });

/** @param keepDays after which an event that comes again would be recorded again: as long as the trail is kept, and an archive may replay it */
export function dynamoDbClaims(client: DynamoDBClient, TableName: string, keepDays: number, now: () => Date): EventClaims {
  const expires = () => Math.floor(now().getTime() / 1000) + keepDays * 86_400;
  return {
    async claim(eventIds, claim, instead) {
      const items = eventIds.map((eventId) => {
        const before = instead.get(eventId);
        return {
          Put: {
            TableName,
            Item: toItem({ ...claimKey(eventId), ...claim, expires: expires() }),
            ConditionExpression: before === undefined ? 'attribute_not_exists(pk)' : 'segment = :before',
            ...(before === undefined ? {} : { ExpressionAttributeValues: toItem({ ':before': before.segment }) }),
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
          },
        };
      });
      try {
        await client.send(new TransactWriteItemsCommand({ TransactItems: items }));
        return new Map();
      } catch (error) {
        if (!(error instanceof TransactionCanceledException)) throw error;
        const taken = new Map<string, Claim>();
        for (const [index, { Code, Item }] of (error.CancellationReasons ?? []).entries()) {
          const eventId = eventIds[index];
          if (Code !== 'ConditionalCheckFailed' || Item === undefined || eventId === undefined) continue;
          const { segment, at } = fromItem(Item);
          taken.set(eventId, { segment: String(segment), at: String(at) });
        }
        // Two writers met at an event, or the table throttles: neither says who has it.
        if (taken.size === 0)
          throw new RetryableError(`${TableName} cancelled the claim of ${eventIds.length} events: they come again`, { cause: error });
        return taken;
      }
    },
    async noteWritten(segment) {
      await client.send(new PutItemCommand({ TableName, Item: toItem({ ...writtenKey(segment.key), ...segment, expires: expires() }) }));
    },
    async isWritten(key) {
      const { Item } = await client.send(new GetItemCommand({ TableName, Key: toItem(writtenKey(key)), ConsistentRead: true }));
      return Item !== undefined;
    },
    async writtenIn(hour) {
      const pages = paginateQuery(
        { client },
        {
          TableName,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: toItem({ ':pk': `hour#${hour}` }),
        },
      );
      const found: WrittenSegment[] = [];
      for await (const { Items = [] } of pages) {
        for (const { key, records, head } of Items.map(fromItem))
          found.push({ key: String(key), records: Number(records), head: String(head) });
      }
      return found;
    },
  };
}
