/** Small things every DynamoDB adapter needs. */
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';

export const toItem = (value: object) => marshall(value, { removeUndefinedValues: true });
export const fromItem = (item: Parameters<typeof unmarshall>[0]): Record<string, unknown> => unmarshall(item);
export const isConditionFailed = (error: unknown): boolean => error instanceof ConditionalCheckFailedException;

/** Runs `work` over the items, at most `width` at once; the first failure ends it. */
export async function eachLimited<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const run = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, run));
}
