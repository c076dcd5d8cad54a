/** Actor hints in DynamoDB, in a table of their own: `pk` names the subject, `sk` orders by time, `expiresAt` is the time to live. */
import { setTimeout as wait } from 'node:timers/promises';
import { BatchWriteItemCommand, type DynamoDBClient, type AttributeValue as Item, QueryCommand } from '@aws-sdk/client-dynamodb';
import { eachLimited, fromItem, toItem } from '../../platform/dynamodb.ts';
import { RetryableError } from '../../platform/errors.ts';
import { type ActorHint, type ActorHints, canonicalSubject, hintLifetimeMs } from './actor-hints.ts';

/** Items of one BatchWriteItem, DynamoDB's limit. */
const batchItems = 25;
/** Requests under way at once. */
const width = 8;
/** What BatchWriteItem leaves unprocessed is sent again after 50, 100, 200, 400 ms ("Error handling with DynamoDB", batch operations). */
const attempts = 5;

const partition = (subject: string): string => {
  const canonical = canonicalSubject(subject);
  return `${canonical.startsWith('S-') ? 'sid' : 'guid'}#${canonical}`;
};

const row = (hint: ActorHint) => ({
  ...hint,
  pk: partition(hint.subject),
  sk: `${hint.at}#${hint.computer}#${hint.recordId}`,
  expiresAt: Math.ceil((Date.parse(hint.at) + hintLifetimeMs) / 1000),
});

function toHint(item: Record<string, Item>): ActorHint {
  const { pk: _pk, sk: _sk, expiresAt: _expiresAt, ...hint } = fromItem(item);
  return hint as unknown as ActorHint;
}

export function dynamoDbActorHints(client: DynamoDBClient, table: string): ActorHints {
  return {
    async keep(hints) {
      // One batch may not hold a key twice.
      const rows = [...new Map(hints.map(row).map((one) => [`${one.pk}\n${one.sk}`, one])).values()];
      const batches = Array.from({ length: Math.ceil(rows.length / batchItems) }, (_, index) =>
        rows.slice(index * batchItems, (index + 1) * batchItems),
      );
      await eachLimited(batches, width, async (batch) => {
        let pending = batch.map((one) => ({ PutRequest: { Item: toItem(one) } }));
        for (let attempt = 0; pending.length > 0; attempt += 1) {
          if (attempt === attempts) throw new RetryableError(`table ${table} took ${attempts} times not all hints: they are sent again`);
          if (attempt > 0) await wait(25 * 2 ** attempt);
          const { UnprocessedItems } = await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: pending } }));
          pending = (UnprocessedItems?.[table] ?? []) as typeof pending;
        }
      });
    },

    async about(subjects, since) {
      const found: ActorHint[] = [];
      await eachLimited([...new Set(subjects.map(partition))], width, async (pk) => {
        let start: Record<string, Item> | undefined;
        do {
          const page = await client.send(
            new QueryCommand({
              TableName: table,
              KeyConditionExpression: 'pk = :pk AND sk >= :since',
              ExpressionAttributeValues: toItem({ ':pk': pk, ':since': new Date(since).toISOString() }),
              ConsistentRead: true,
              ExclusiveStartKey: start,
            }),
          );
          found.push(...(page.Items ?? []).map(toHint));
          start = page.LastEvaluatedKey;
        } while (start !== undefined);
      });
      return found;
    },
  };
}
