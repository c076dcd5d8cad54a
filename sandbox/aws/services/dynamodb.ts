import { until } from '../../waiting.ts';
import { AwsError, notImplemented } from '../error.ts';
import { isRecord, optionalRecord, optionalText, record, records, text } from '../input.ts';
import type { Input, Operation, Output, Service, Surroundings } from '../service.ts';
import { type DynaliteCall, startDynalite } from './dynalite-store.ts';
import { batchAccess, batchedKeys, type TableKeys, tableAccess } from './dynamodb-access.ts';
import { type Item, streamOperations, TableStream } from './dynamodb-stream.ts';
import { putsOf, transact, transactionAccess } from './dynamodb-transaction.ts';

// DynamoDB: dynalite holds the tables; streams and time-to-live, which it does not have, are added here.

interface Table {
  readonly keys: TableKeys;
  readonly stream?: TableStream;
  timeToLive?: { readonly AttributeName: string };
}

const hashKey = (schema: readonly Record<string, unknown>[]): string =>
  String(schema.find((key) => key.KeyType === 'HASH')?.AttributeName ?? '');

/** Runs the writes of one item one after the other, so that a stream record's images belong to its write. */
function itemLocks(): <T>(ids: readonly string[], work: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<unknown>>();
  return async (ids, work) => {
    const before = ids.map((id) => tails.get(id));
    const done = Promise.allSettled(before).then(work);
    const settled = done.catch(() => undefined);
    for (const id of ids) tails.set(id, settled);
    try {
      return await done;
    } finally {
      for (const id of ids) if (tails.get(id) === settled) tails.delete(id);
    }
  };
}

export async function dynamodb(surroundings: Surroundings): Promise<Service & { readonly streams: ReadonlyMap<string, TableStream> }> {
  const { region, account } = surroundings;
  const dynalite = await startDynalite();
  const tables = new Map<string, Table>();
  const streams = new Map<string, TableStream>();
  const locked = itemLocks();
  const arnOf = (name: string): string => `arn:aws:dynamodb:${region}:${account}:table/${name}`;
  const keysOf = (name: string): TableKeys | undefined => tables.get(name)?.keys;

  const imageOf = async (table: string, key: Item): Promise<Item | undefined> =>
    (await dynalite.call('GetItem', { TableName: table, Key: key, ConsistentRead: true })).Item as Item | undefined;

  const lockId = (table: string, key: Item): string =>
    JSON.stringify([table, Object.entries(key).sort(([one], [other]) => (one < other ? -1 : 1))]);

  /** dynalite knows neither our account nor our region, nor what it does not store itself. */
  function described(description: Output): Output {
    const name = String(description.TableName);
    const stream = tables.get(name)?.stream;
    const own = JSON.parse(
      JSON.stringify(description).replace(/arn:aws:dynamodb:[^:"]*:[^:"]*:/g, `arn:aws:dynamodb:${region}:${account}:`),
    ) as Output;
    if (!stream) return own;
    return {
      ...own,
      LatestStreamArn: stream.arn,
      LatestStreamLabel: stream.label,
      StreamSpecification: { StreamEnabled: true, StreamViewType: stream.viewType },
    };
  }

  /** dynalite refuses items until then. Here a table takes them as soon as CreateTable is answered: nobody has to wait for it. */
  async function untilActive(TableName: string): Promise<void> {
    const active = async () => record(await dynalite.call('DescribeTable', { TableName }), 'Table').TableStatus === 'ACTIVE';
    await until(`table ${TableName}`, async () => (await active()) || undefined, 20_000, 1);
  }

  async function createTable(input: Input): Promise<Output> {
    const output = await dynalite.call('CreateTable', input);
    const name = text(input, 'TableName');
    await untilActive(name);
    const keySchema = records(input, 'KeySchema');
    const indexes = [...records(input, 'GlobalSecondaryIndexes'), ...records(input, 'LocalSecondaryIndexes')];
    const specification = optionalRecord(input, 'StreamSpecification');
    const stream = specification?.StreamEnabled
      ? new TableStream({
          arn: arnOf(name),
          name,
          region,
          keySchema,
          viewType: optionalText(specification, 'StreamViewType') ?? 'NEW_AND_OLD_IMAGES',
        })
      : undefined;
    if (stream) streams.set(stream.arn, stream);
    tables.set(name, {
      keys: {
        partitionKey: hashKey(keySchema),
        keyNames: keySchema.map((key) => String(key.AttributeName)),
        indexPartitionKeys: new Map(indexes.map((index) => [text(index, 'IndexName'), hashKey(records(index, 'KeySchema'))])),
      },
      ...(stream ? { stream } : {}),
    });
    return { TableDescription: described(record(output, 'TableDescription')) };
  }

  async function deleteTable(input: Input): Promise<Output> {
    const output = await dynalite.call('DeleteTable', input);
    const name = text(input, 'TableName');
    const stream = tables.get(name)?.stream;
    if (stream) streams.delete(stream.arn);
    tables.delete(name);
    return { TableDescription: described(record(output, 'TableDescription')) };
  }

  /** PutItem, UpdateItem or DeleteItem, and its stream record. */
  async function write(operation: string, input: Input): Promise<Output> {
    const name = text(input, 'TableName');
    const table = tables.get(name);
    const item = (optionalRecord(input, 'Key') ?? optionalRecord(input, 'Item') ?? {}) as Item;
    const keyNames = table?.keys.keyNames ?? [];
    const key = Object.fromEntries(keyNames.flatMap((one) => (item[one] ? [[one, item[one]]] : []))) as Item;
    const writeOnce = async (): Promise<Output> => {
      try {
        return await dynalite.call(operation, input);
      } catch (error) {
        if (
          !(error instanceof AwsError) ||
          error.code !== 'ConditionalCheckFailedException' ||
          input.ReturnValuesOnConditionCheckFailure !== 'ALL_OLD'
        )
          throw error;
        const current = await imageOf(name, key);
        throw new AwsError(error.code, error.message, error.status, current ? { Item: current } : {});
      }
    };
    const stream = table?.stream;
    if (Object.keys(key).length < keyNames.length) return writeOnce();
    // Transactions look before they write, so what they look at has to stay.
    if (!stream) return locked([lockId(name, key)], writeOnce);
    return locked([lockId(name, key)], async () => {
      const before = await imageOf(name, key);
      const output = await writeOnce();
      stream.record(key, before, await imageOf(name, key));
      return output;
    });
  }

  async function transactWrite(input: Input): Promise<Output> {
    const puts = putsOf(input, keysOf);
    const streaming = puts.find(({ table }) => tables.get(table)?.stream);
    if (streaming) throw notImplemented('dynamodb', `a transaction on ${streaming.table}, which has a stream`);
    return locked(
      puts.map(({ table, key }) => lockId(table, key)),
      () => transact(puts, dynalite.call),
    );
  }

  async function batchWrite(input: Input): Promise<Output> {
    const watched = [...batchedKeys(input, keysOf)].flatMap(([name, keys]) => {
      const stream = tables.get(name)?.stream;
      return stream ? keys.map((key) => ({ name, key, stream })) : [];
    });
    if (watched.length === 0) return dynalite.call('BatchWriteItem', input);
    return locked(
      watched.map(({ name, key }) => lockId(name, key)),
      async () => {
        const before = await Promise.all(watched.map(({ name, key }) => imageOf(name, key)));
        const output = await dynalite.call('BatchWriteItem', input);
        const after = await Promise.all(watched.map(({ name, key }) => imageOf(name, key)));
        for (const [index, { key, stream }] of watched.entries()) stream.record(key, before[index], after[index]);
        return output;
      },
    );
  }

  function tableOf(input: Input): Table {
    const name = text(input, 'TableName');
    const table = tables.get(name);
    if (!table) throw new AwsError('ResourceNotFoundException', `Requested resource not found: Table: ${name} not found`);
    return table;
  }

  function updateTimeToLive(input: Input): Output {
    const table = tableOf(input);
    const specification = record(input, 'TimeToLiveSpecification');
    const attribute = text(specification, 'AttributeName');
    if (specification.Enabled) table.timeToLive = { AttributeName: attribute };
    else delete table.timeToLive;
    return { TimeToLiveSpecification: { AttributeName: attribute, Enabled: specification.Enabled === true } };
  }

  const onTable = (operation: string, run: Operation['run']): Operation => ({
    authorize: (input) => tableAccess(operation, input, arnOf, keysOf(text(input, 'TableName'))),
    run,
  });
  const onBatch = (operation: string, run: Operation['run']): Operation => ({
    authorize: (input) => batchAccess(operation, input, arnOf, keysOf),
    run,
  });
  const passed =
    (operation: string): Operation['run'] =>
    (input) =>
      (dynalite.call satisfies DynaliteCall)(operation, input);

  return {
    name: 'dynamodb',
    streams,
    operations: {
      CreateTable: onTable('CreateTable', createTable),
      DeleteTable: onTable('DeleteTable', deleteTable),
      DescribeTable: onTable('DescribeTable', async (input) => {
        const { Table: description } = await dynalite.call('DescribeTable', input);
        return { Table: described(isRecord(description) ? description : {}) };
      }),
      ListTables: { authorize: () => [{ action: 'dynamodb:ListTables', resource: '*' }], run: passed('ListTables') },
      UpdateTimeToLive: onTable('UpdateTimeToLive', updateTimeToLive),
      DescribeTimeToLive: onTable('DescribeTimeToLive', (input) => {
        const { timeToLive } = tableOf(input);
        return { TimeToLiveDescription: timeToLive ? { TimeToLiveStatus: 'ENABLED', ...timeToLive } : { TimeToLiveStatus: 'DISABLED' } };
      }),
      DescribeContinuousBackups: onTable('DescribeContinuousBackups', (input) => {
        tableOf(input);
        return {
          ContinuousBackupsDescription: {
            ContinuousBackupsStatus: 'ENABLED',
            PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus: 'DISABLED' },
          },
        };
      }),
      GetItem: onTable('GetItem', passed('GetItem')),
      Query: onTable('Query', passed('Query')),
      Scan: onTable('Scan', passed('Scan')),
      PutItem: onTable('PutItem', (input) => write('PutItem', input)),
      UpdateItem: onTable('UpdateItem', (input) => write('UpdateItem', input)),
      DeleteItem: onTable('DeleteItem', (input) => write('DeleteItem', input)),
      BatchGetItem: onBatch('BatchGetItem', passed('BatchGetItem')),
      TransactWriteItems: { authorize: (input) => transactionAccess(input, arnOf, keysOf), run: transactWrite },
      BatchWriteItem: onBatch('BatchWriteItem', batchWrite),
      ...streamOperations(streams),
    },
    async close() {
      for (const stream of streams.values()) stream.wake();
      await dynalite.close();
    },
  };
}
