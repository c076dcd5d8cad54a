import { AwsError, notImplemented } from '../error.ts';
import { isRecord, optionalRecord, optionalText, record, records, text } from '../input.ts';
import type { Authorization, Input, Output } from '../service.ts';
import type { DynaliteCall } from './dynalite-store.ts';
import { type TableKeys, tableAccess } from './dynamodb-access.ts';
import type { Item } from './dynamodb-stream.ts';

// TransactWriteItems, which dynalite does not have: Put on one table without a stream, with the two conditions that claims need
// (DynamoDB Developer Guide, "Amazon DynamoDB Transactions: How it works"). Its caller holds the locks of all items.

interface Put {
  readonly table: string;
  readonly item: Item;
  readonly key: Item;
  readonly holds: (before: Item | undefined) => boolean;
  readonly returnsOld: boolean;
}

const mostItems = 100;

/** Each write is put to IAM as the call it stands for (DynamoDB Developer Guide, "Using IAM with DynamoDB transactions"). */
export const transactionAccess = (
  input: Input,
  arnOf: (table: string) => string,
  keysOf: (table: string) => TableKeys | undefined,
): readonly Authorization[] =>
  putsOf(input, keysOf).flatMap(({ table, item }) => tableAccess('PutItem', { TableName: table, Item: item }, arnOf, keysOf(table)));

export function putsOf(input: Input, keysOf: (table: string) => TableKeys | undefined): readonly Put[] {
  const items = records(input, 'TransactItems');
  if (items.length < 1 || items.length > mostItems)
    throw new AwsError('ValidationException', `TransactItems: ${items.length} items, 1 to ${mostItems} are allowed`);
  const puts = items.map((item): Put => {
    const [operation = 'nothing'] = Object.keys(item);
    if (operation !== 'Put') throw notImplemented('dynamodb', `TransactWriteItems of ${operation}`, 'use Put');
    const put = record(item, 'Put');
    const table = text(put, 'TableName');
    const written = record(put, 'Item') as Item;
    const key = Object.fromEntries((keysOf(table)?.keyNames ?? []).map((name) => [name, written[name] ?? {}])) as Item;
    return {
      table,
      item: written,
      key,
      holds: condition(optionalText(put, 'ConditionExpression'), optionalRecord(put, 'ExpressionAttributeValues') ?? {}),
      returnsOld: put.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
    };
  });
  const keys = puts.map(({ table, key }) => JSON.stringify([table, key]));
  if (new Set(keys).size < keys.length)
    throw new AwsError('ValidationException', 'Transaction request cannot include multiple operations on one item');
  return puts;
}

function condition(expression: string | undefined, values: Input): Put['holds'] {
  if (expression === undefined) return () => true;
  if (/^attribute_not_exists\(\w+\)$/.test(expression)) return (before) => before === undefined;
  const { name, value } = /^(?<name>\w+) = (?<value>:\w+)$/.exec(expression)?.groups ?? {};
  const wanted = value === undefined ? undefined : values[value];
  if (name === undefined || !isRecord(wanted)) throw notImplemented('dynamodb', `the condition ${expression} in a transaction`);
  return (before) => JSON.stringify(before?.[name]) === JSON.stringify(wanted);
}

/** @throws AwsError TransactionCanceledException with a reason an item, when one does not hold */
export async function transact(puts: readonly Put[], call: DynaliteCall): Promise<Output> {
  const before = new Map<string, Item>();
  const id = (table: string, key: Item) => JSON.stringify([table, Object.entries(key).sort()]);
  const keysOfTable = Map.groupBy(puts, ({ table }) => table);
  for (const [table, some] of keysOfTable) {
    const { Responses, UnprocessedKeys } = await call('BatchGetItem', {
      RequestItems: { [table]: { Keys: some.map(({ key }) => key), ConsistentRead: true } },
    });
    if (isRecord(UnprocessedKeys) && Object.keys(UnprocessedKeys).length > 0)
      throw new AwsError('InternalServerError', 'keys left over', 500);
    for (const item of (Responses as Readonly<Record<string, readonly Item[]>>)[table] ?? []) {
      const names = Object.keys(some[0]?.key ?? {});
      before.set(id(table, Object.fromEntries(names.map((name) => [name, item[name] ?? {}]))), item);
    }
  }
  const reasons = puts.map(({ table, key, holds, returnsOld }) => {
    const old = before.get(id(table, key));
    if (holds(old)) return { Code: 'None' };
    return { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed', ...(old && returnsOld ? { Item: old } : {}) };
  });
  if (reasons.some(({ Code }) => Code !== 'None')) {
    const codes = reasons.map(({ Code }) => Code).join(', ');
    const message = `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`;
    throw new AwsError('TransactionCanceledException', message, 400, { CancellationReasons: reasons });
  }
  for (let from = 0; from < puts.length; from += 25) {
    const batch = Map.groupBy(puts.slice(from, from + 25), ({ table }) => table);
    await call('BatchWriteItem', {
      RequestItems: Object.fromEntries(
        [...batch].map(([table, some]) => [table, some.map(({ item }) => ({ PutRequest: { Item: item } }))]),
      ),
    });
  }
  return {};
}
