/**
 * The shared budget of calls in the roles table.
 *
 * Slots: one item an API, `pk = <target>#budget#<api>`, whose `next` is the time of the next free slot, in epoch milliseconds (the theoretical
 * arrival time of the generic cell rate algorithm, ITU-T I.371). Conditional updates move it on; whoever moved it owns what it passed over.
 *
 * Times are those of the functions' own clocks. Where one is ahead of another by some milliseconds, it waits that much less, or leaves that
 * much of the budget unused; and where they alternate, calls may come closer by that much, for a second in which both have slots. The
 * clocks of Lambda differ by less than the one call a second that the budget stays below the quota; a throttle that comes all the same is
 * tried again in another slot.
 *
 * Places: one item a kind, `pk = <target>#places#<kind>`, with the leases of those that are taken.
 */
import { type DynamoDBClient, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { fromItem, isConditionFailed, toItem } from '../platform/dynamodb.ts';
import { RetryableError } from '../platform/errors.ts';
import type { Budget } from './budget.ts';
import { callSlots } from './call-slots.ts';

export interface BudgetLimits {
  /** Of each API, one less than its quota. @default 19 */
  readonly callsPerSecond?: number | undefined;
  /** Requests under way at a time. @default 15 */
  readonly places?: number | undefined;
}

interface Places {
  readonly pk: string;
  readonly version: number;
  /** By request: when its lease ends, epoch milliseconds. */
  readonly leases: Readonly<Record<string, number>>;
}

/** Writes by others that one attempt gives way to. Each of them is somebody's success. */
const patience = 50;

/** @param target whose budget it is: every key begins with it */
export function dynamoDbBudget(
  client: DynamoDBClient,
  table: string,
  target: string,
  { callsPerSecond = 19, places = 15 }: BudgetLimits = {},
): Budget {
  const intervalMs = 1000 / callsPerSecond;
  const slots = new Map<string, () => Promise<void>>();

  function slotsOf(api: string): () => Promise<void> {
    const known = slots.get(api);
    if (known !== undefined) return known;
    const made = callSlots({ intervalMs, reserve: reserver(api) });
    slots.set(api, made);
    return made;
  }

  function reserver(api: string): (count: number, from: number) => Promise<number> {
    const pk = `${target}#budget#${api}`;
    const move = async (UpdateExpression: string, ConditionExpression: string, values: object): Promise<number | undefined> => {
      try {
        const { Attributes } = await client.send(
          new UpdateItemCommand({
            TableName: table,
            Key: toItem({ pk }),
            UpdateExpression,
            ConditionExpression,
            ExpressionAttributeNames: { '#next': 'next' },
            ExpressionAttributeValues: toItem(values),
            ReturnValues: 'UPDATED_NEW',
          }),
        );
        return Number(fromItem(Attributes ?? {}).next);
      } catch (error) {
        if (isConditionFailed(error)) return undefined;
        throw error;
      }
    };
    /** What `next` was when we last heard of it: tells which of the two updates will do. */
    let known = 0;
    return async (count, from) => {
      const length = count * intervalMs;
      for (let attempt = 0; attempt < patience; attempt += 1) {
        const next =
          known > from
            ? await move('SET #next = #next + :length', '#next > :from', { ':length': length, ':from': from })
            : await move('SET #next = :end', 'attribute_not_exists(#next) OR #next <= :from', { ':end': from + length, ':from': from });
        if (next !== undefined) {
          known = next;
          return next - length;
        }
        known = known > from ? 0 : Number.POSITIVE_INFINITY;
      }
      throw new RetryableError(`no slot for ${api} of target "${target}": other functions kept taking them`);
    };
  }

  async function giveBack(pk: string, request: string): Promise<void> {
    try {
      await client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: toItem({ pk }),
          UpdateExpression: 'REMOVE leases.#request SET version = version + :one',
          ConditionExpression: 'attribute_exists(leases.#request)',
          ExpressionAttributeNames: { '#request': request },
          ExpressionAttributeValues: toItem({ ':one': 1 }),
        }),
      );
    } catch (error) {
      // Its time was over, and another run has cleared it away.
      if (!isConditionFailed(error)) throw error;
    }
  }

  return {
    async call(api, make) {
      await slotsOf(api)();
      return make();
    },

    async place(kind, request, seconds) {
      const pk = `${target}#places#${kind}`;
      for (let attempt = 0; attempt < patience; attempt += 1) {
        const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: toItem({ pk }), ConsistentRead: true }));
        const { version, leases } = Item === undefined ? { version: 0, leases: {} } : (fromItem(Item) as unknown as Places);
        const taken = Object.entries(leases).filter(([other, until]) => other !== request && until > Date.now());
        if (taken.length >= places) return undefined;
        const next: Places = {
          pk,
          version: version + 1,
          leases: Object.fromEntries([...taken, [request, Date.now() + 1000 * seconds]]),
        };
        try {
          await client.send(
            new PutItemCommand({
              TableName: table,
              Item: toItem(next),
              ConditionExpression: version === 0 ? 'attribute_not_exists(pk)' : 'version = :before',
              ...(version === 0 ? {} : { ExpressionAttributeValues: toItem({ ':before': version }) }),
            }),
          );
          return () => giveBack(pk, request);
        } catch (error) {
          if (!isConditionFailed(error)) throw error;
        }
      }
      throw new RetryableError(`no place for ${kind} of target "${target}": other functions kept taking them`);
    },
  };
}
