/**
 * The guard in the grants table: its state, what the target holds, and each removal that it was asked for, all under `guard#<target>`, so
 * that IAM can hold a function to its target (dynamodb:LeadingKeys).
 */
import {
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  type QueryCommandOutput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { fromItem, isConditionFailed, putNextVersion, toItem } from '../platform/dynamodb.ts';
import { RetryableError } from '../platform/errors.ts';
import type { Guard } from './guard.ts';
import { type GuardState, guardStateSchema, openGuard } from './guard-limits.ts';
import { type GuardStore, type KeptRemoval, stagedFirst } from './guard-store.ts';
import { type GuardSettings, guarding } from './guarding.ts';

export const dynamoDbGuard = (client: DynamoDBClient, table: string, settings: GuardSettings): Guard =>
  guarding(dynamoDbGuardStore(client, table, settings.target), settings);

const removalPrefix = 'staged#';
const number = v.optional(v.number(), 0);
const itemSchema = v.object({ version: number, memberships: number, accounts: number, state: v.optional(v.unknown()) });

export function dynamoDbGuardStore(client: DynamoDBClient, table: string, target: string): GuardStore {
  const pk = `guard#${target}`;
  const get = async (sk: string): Promise<Record<string, unknown> | undefined> => {
    const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: toItem({ pk, sk }), ConsistentRead: true }));
    return Item === undefined ? undefined : fromItem(Item);
  };
  /** @returns false when the condition did not hold */
  const conditionally = async (write: () => Promise<unknown>): Promise<boolean> => {
    try {
      await write();
      return true;
    } catch (error) {
      if (isConditionFailed(error)) return false;
      throw error;
    }
  };

  return {
    async read() {
      const { version, memberships, accounts, state } = v.parse(itemSchema, (await get('state')) ?? {});
      return { version, state: parseState(target, state), held: { memberships, accounts } };
    },
    replace: (version, state) =>
      conditionally(() =>
        client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: toItem({ pk, sk: 'state' }),
            // What the target holds stands beside it and is added to without a condition.
            UpdateExpression: 'SET #state = :state, #version = :next',
            ConditionExpression: version === 0 ? 'attribute_not_exists(#version)' : '#version = :before',
            ExpressionAttributeNames: { '#state': 'state', '#version': 'version' },
            ExpressionAttributeValues: toItem({ ':state': state, ':next': version + 1, ...(version === 0 ? {} : { ':before': version }) }),
          }),
        ),
      ),
    async hold({ memberships, accounts, exactly }) {
      if (!exactly && memberships === 0 && accounts === 0) return;
      await client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: toItem({ pk, sk: 'state' }),
          UpdateExpression: exactly
            ? 'SET memberships = :memberships, accounts = :accounts'
            : 'ADD memberships :memberships, accounts :accounts',
          ExpressionAttributeValues: toItem({ ':memberships': memberships, ':accounts': accounts }),
        }),
      );
    },
    readRemoval: async (key) => asRemoval(await get(removalPrefix + key)),
    writeRemoval: (removal) => putNextVersion(client, table, { pk, sk: removalPrefix + removal.key, ...removal }),
    async removalsOf(guard) {
      const found: KeptRemoval[] = [];
      let from: QueryCommandOutput['LastEvaluatedKey'];
      do {
        const page: QueryCommandOutput = await client.send(
          new QueryCommand({
            TableName: table,
            KeyConditionExpression: 'pk = :pk AND begins_with(sk, :removals)',
            FilterExpression: 'guard = :guard',
            ExpressionAttributeValues: toItem({ ':pk': pk, ':removals': removalPrefix, ':guard': guard }),
            ConsistentRead: true,
            ExclusiveStartKey: from,
          }),
        );
        found.push(...(page.Items ?? []).flatMap((item) => asRemoval(fromItem(item)) ?? []));
        from = page.LastEvaluatedKey;
      } while (from !== undefined);
      return found.sort(stagedFirst);
    },
    async writeSeen(decision, seen) {
      await client.send(new PutItemCommand({ TableName: table, Item: toItem({ pk, sk: `seen#${decision}`, seen: seen.join(' ') }) }));
    },
    async readSeen(decision) {
      const item = await get(`seen#${decision}`);
      return new Set(typeof item?.seen === 'string' ? item.seen.split(' ') : []);
    },
  };
}

function asRemoval(item: Record<string, unknown> | undefined): KeptRemoval | undefined {
  if (item === undefined) return undefined;
  const { pk: _pk, sk: _sk, ...removal } = item;
  return removal as unknown as KeptRemoval;
}

/** @throws RetryableError for what only a later release understands: nothing is let through by one that does not */
function parseState(target: string, value: unknown): GuardState {
  if (value === undefined) return openGuard;
  const parsed = v.safeParse(guardStateSchema, value);
  if (parsed.success) return parsed.output;
  throw new RetryableError(
    `the guard of ${target} is of a form that this release does not know (${v.getDotPath(parsed.issues[0]) ?? 'state'}): deploy the release that wrote it, or a later one`,
  );
}
