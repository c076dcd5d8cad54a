/** The mirror in DynamoDB. Reads are consistent except in the index; each write carries its condition. */
import { randomUUID } from 'node:crypto';
import {
  BatchGetItemCommand,
  type DynamoDBClient,
  type AttributeValue as Item,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { eachLimited, fromItem, isConditionFailed, toItem } from '../platform/dynamodb.ts';
import { guidBytes, guidText } from '../platform/object-identity.ts';
import {
  type Cursor,
  cursorKey,
  dueListing,
  type Lease,
  LeaseLostError,
  type Mirror,
  type MirrorRow,
  type RowKey,
  seenPartition,
} from './mirror.ts';

/** Keys of one BatchGetItem, DynamoDB's limit. */
const batchKeys = 100;
/** Requests under way at once. */
const width = 16;
/** GUIDs of one note of a full sync, 320 KB of an item's 400 KB, and how long a note is kept. */
const noteWidth = 20_000;
const noteSeconds = 7 * 24 * 3600;

export function dynamoDbMirror(client: DynamoDBClient, table: string, now: () => Date = () => new Date()): Mirror {
  return {
    async acquireLease(domain, owner, leaseMs): Promise<Lease | undefined> {
      try {
        const { Attributes } = await client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: toItem(cursorKey(domain)),
            // A cursor that was lost must not begin below the fences that rows carry: a token begins at the time, in ms.
            UpdateExpression:
              'SET leaseOwner = :owner, leaseUntil = :until, fence = if_not_exists(fence, :now) + :one, taken = if_not_exists(taken, :none) + :one',
            // Our own lease too: the SDK repeats a call whose answer was lost.
            ConditionExpression: 'attribute_not_exists(leaseUntil) OR leaseUntil < :now OR leaseOwner = :owner',
            ExpressionAttributeValues: toItem({
              ...{ ':owner': owner, ':until': now().getTime() + leaseMs, ':now': now().getTime(), ':one': 1, ':none': 0 },
            }),
            ReturnValues: 'ALL_NEW',
          }),
        );
        const item = fromItem(Attributes ?? {});
        return { fence: Number(item.fence), first: item.taken === 1, cursor: toCursor(item.position) };
      } catch (error) {
        if (isConditionFailed(error)) return undefined;
        throw error;
      }
    },

    async saveCursor(domain, fence, cursor) {
      await updateCursor(domain, fence, 'SET #position = :position', cursor, undefined);
    },

    async release(domain, fence, cursor) {
      await updateCursor(domain, fence, cursor ? 'SET #position = :position, leaseUntil = :free' : 'SET leaseUntil = :free', cursor, 0);
    },

    async read(keys) {
      const distinct = [...new Map(keys.map(({ pk, sk }) => [`${pk}\n${sk}`, { pk, sk }])).values()];
      const batches = Array.from({ length: Math.ceil(distinct.length / batchKeys) }, (_, index) =>
        distinct.slice(index * batchKeys, (index + 1) * batchKeys),
      );
      const rows: MirrorRow[] = [];
      await eachLimited(batches, width, async (batch) => {
        let pending: Record<string, Item>[] = batch.map((key) => toItem(key));
        while (pending.length > 0) {
          const { Responses, UnprocessedKeys } = await client.send(
            new BatchGetItemCommand({ RequestItems: { [table]: { Keys: pending, ConsistentRead: true } } }),
          );
          for (const item of Responses?.[table] ?? []) rows.push(toRow(item));
          pending = UnprocessedKeys?.[table]?.Keys ?? [];
        }
      });
      return rows;
    },

    async readPartition(pk) {
      const items = await queryAll({
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: toItem({ ':pk': pk }),
        ConsistentRead: true,
      });
      return items.map(toRow);
    },

    list: (listedUnder) => keysOf('listing', 'listedUnder = :value', { ':value': listedUnder }),
    listBySid: (sid) => keysOf('sid', 'sid = :value', { ':value': sid }),
    due: (domain, until) => keysOf('due', 'dueUnder = :value AND dueAt <= :until', { ':value': dueListing(domain), ':until': until }),

    async scan(domain, after) {
      const { Items, LastEvaluatedKey } = await client.send(
        new ScanCommand({
          TableName: table,
          ConsistentRead: true,
          ExclusiveStartKey: after && toItem({ pk: after.pk, sk: after.sk }),
          FilterExpression: '#domain = :domain AND (deleted = :no OR vanished = :yes OR present = :yes)',
          ExpressionAttributeNames: { '#domain': 'domain' },
          ExpressionAttributeValues: toItem({ ':domain': domain, ':no': false, ':yes': true }),
        }),
      );
      return { rows: (Items ?? []).map(toRow), after: LastEvaluatedKey && toKey(LastEvaluatedKey) };
    },

    async noteSeen(domain, run, guids) {
      const expiresAt = Math.floor(now().getTime() / 1000) + noteSeconds;
      for (let start = 0; start < guids.length; start += noteWidth) {
        const some = guids.slice(start, start + noteWidth);
        const note = { pk: seenPartition(domain, run), sk: `seen#${randomUUID()}`, seen: Buffer.concat(some.map(guidBytes)), expiresAt };
        await client.send(new PutItemCommand({ TableName: table, Item: toItem(note) }));
      }
    },

    async seen(domain, run) {
      const items = await queryAll({
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: toItem({ ':pk': seenPartition(domain, run) }),
        ConsistentRead: true,
      });
      const guids = new Set<string>();
      for (const item of items) {
        const bytes = Buffer.from(fromItem(item).seen as Uint8Array);
        for (let start = 0; start < bytes.length; start += 16) guids.add(guidText(bytes.subarray(start, start + 16)));
      }
      return guids;
    },

    async write(rows) {
      await eachLimited(rows, width, async (row) => {
        const first = row.revision === 1;
        try {
          await client.send(
            new PutItemCommand({
              TableName: table,
              Item: toItem(row),
              // What we wrote ourselves may be written again: the SDK repeats a call whose answer was lost.
              ConditionExpression: `${first ? 'attribute_not_exists(pk)' : '(revision = :before AND fence <= :fence)'} OR (revision = :revision AND fence = :fence)`,
              ExpressionAttributeValues: toItem({
                ...(first ? {} : { ':before': row.revision - 1 }),
                ':revision': row.revision,
                ':fence': row.fence,
              }),
            }),
          );
        } catch (error) {
          if (!isConditionFailed(error)) throw error;
          throw new LeaseLostError(`row ${row.pk} ${row.sk} was written by another holder of the lease: the next poll reads on`, {
            cause: error,
          });
        }
      });
    },
  };

  async function keysOf(IndexName: string, KeyConditionExpression: string, values: Record<string, string>): Promise<readonly RowKey[]> {
    return (await queryAll({ IndexName, KeyConditionExpression, ExpressionAttributeValues: toItem(values) })).map(toKey);
  }

  async function updateCursor(domain: string, fence: number, expression: string, cursor: Cursor | undefined, free: number | undefined) {
    try {
      await client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: toItem(cursorKey(domain)),
          UpdateExpression: expression,
          ConditionExpression: 'fence = :fence',
          ...(cursor ? { ExpressionAttributeNames: { '#position': 'position' } } : {}),
          ExpressionAttributeValues: toItem({ ':fence': fence, ':position': cursor, ':free': free }),
        }),
      );
    } catch (error) {
      if (!isConditionFailed(error)) throw error;
      throw new LeaseLostError(`the lease of ${domain} passed to another holder: the cursor stays with it`, { cause: error });
    }
  }

  async function queryAll(query: Omit<ConstructorParameters<typeof QueryCommand>[0], 'TableName'>): Promise<Record<string, Item>[]> {
    const items: Record<string, Item>[] = [];
    let start: Record<string, Item> | undefined;
    do {
      const page = await client.send(new QueryCommand({ ...query, TableName: table, ExclusiveStartKey: start }));
      items.push(...(page.Items ?? []));
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
    return items;
  }
}

/** A row as the table holds it: also the image in a stream record. */
export const toRow = (item: Record<string, Item>): MirrorRow => fromItem(item) as unknown as MirrorRow;

function toKey(item: Record<string, Item>): RowKey {
  const { pk, sk } = fromItem(item) as unknown as RowKey;
  return { pk, sk };
}

function toCursor(position: unknown): Cursor | undefined {
  if (position === undefined) return undefined;
  const stored = position as Pick<Cursor, 'cookie' | 'query' | 'more' | 'controllers'> & Partial<Cursor>;
  // A table holds no undefined attribute: what is missing has none.
  return {
    snapshot: undefined,
    fullSync: undefined,
    unreachableSince: undefined,
    polledAt: undefined,
    tombstoneDays: undefined,
    verification: undefined,
    verifiedAt: undefined,
    heldBack: undefined,
    ...stored,
    cookie: Buffer.from(stored.cookie),
  };
}
