/** Small things every DynamoDB adapter needs. */
import { ConditionalCheckFailedException, type DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';

export const toItem = (value: object) => marshall(value, { removeUndefinedValues: true });
export const fromItem = (item: Parameters<typeof unmarshall>[0]): Record<string, unknown> => unmarshall(item);
export const isConditionFailed = (error: unknown): boolean => error instanceof ConditionalCheckFailedException;

/**
 * Puts an item that counts its writes in `version`, from 1, if the one that is there is of the version before.
 *
 * @returns false when another write came first
 */
export async function putNextVersion<Item extends { readonly pk: string; readonly version: number }>(
  client: DynamoDBClient,
  table: string,
  item: Item,
): Promise<boolean> {
  const first = item.version === 1;
  try {
    await client.send(
      new PutItemCommand({
        TableName: table,
        Item: toItem(item),
        ConditionExpression: first ? 'attribute_not_exists(pk)' : 'version = :before',
        ...(first ? {} : { ExpressionAttributeValues: toItem({ ':before': item.version - 1 }) }),
      }),
    );
    return true;
  } catch (error) {
    if (isConditionFailed(error)) return false;
    throw error;
  }
}

/** Runs `work` over the items, at most `width` at once; the first failure ends it. */
export async function eachLimited<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const run = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, run));
}

/** What `work` makes of each item, in their order, at most `width` at once; the first failure ends it. */
export async function mapLimited<T, Result>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<Result>,
): Promise<readonly Result[]> {
  const results = new Array<Result>(items.length);
  await eachLimited([...items.entries()], width, async ([index, item]) => {
    results[index] = await work(item);
  });
  return results;
}
