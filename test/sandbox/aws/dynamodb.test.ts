import {
  BatchWriteItemCommand,
  CreateTableCommand,
  DeleteItemCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  DynamoDBClient,
  ExecuteStatementCommand,
  GetItemCommand,
  ListTablesCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import {
  type _Record,
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { describe, expect, test } from 'vitest';
import { account, clientOf, endpointForTests, failure, region } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const client = new DynamoDBClient(clientOf(endpoint));
const streams = new DynamoDBStreamsClient(clientOf(endpoint));
let tables = 0;

async function newTable(StreamViewType?: 'NEW_AND_OLD_IMAGES' | 'KEYS_ONLY'): Promise<{ TableName: string; streamArn: string }> {
  tables += 1;
  const TableName = `table-${tables}`;
  const { TableDescription } = await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
      ...(StreamViewType ? { StreamSpecification: { StreamEnabled: true, StreamViewType } } : {}),
    }),
  );
  return { TableName, streamArn: TableDescription?.LatestStreamArn ?? '' };
}

const item = (pk: string, value: string) => ({ pk: { S: pk }, sk: { S: '-' }, value: { S: value } });
const key = (pk: string) => ({ pk: { S: pk }, sk: { S: '-' } });

async function recordsOf(
  StreamArn: string,
  ShardIteratorType: 'TRIM_HORIZON' | 'LATEST' | 'AFTER_SEQUENCE_NUMBER' | 'AT_SEQUENCE_NUMBER' = 'TRIM_HORIZON',
  SequenceNumber?: string,
): Promise<_Record[]> {
  const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn }));
  const ShardId = StreamDescription?.Shards?.[0]?.ShardId;
  const { ShardIterator } = await streams.send(
    new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType, ...(SequenceNumber ? { SequenceNumber } : {}) }),
  );
  return (await streams.send(new GetRecordsCommand({ ShardIterator }))).Records ?? [];
}

describe('tables', () => {
  test('GIVEN many at once WHEN each is created THEN it takes items as soon as that is answered', async () => {
    const made = await Promise.allSettled(
      Array.from({ length: 50 }, async () => {
        const { TableName } = await newTable();
        await endpoint.call('operator', 'dynamodb', 'PutItem', { TableName, Item: item('a', 'one') });
      }),
    );
    expect(made.filter(({ status }) => status === 'rejected')).toEqual([]);
  });

  test('GIVEN a table WHEN described THEN it is active, with our account’s and region’s ARNs and its stream', async () => {
    const { TableName, streamArn } = await newTable('NEW_AND_OLD_IMAGES');
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table).toMatchObject({
      TableStatus: 'ACTIVE',
      TableArn: `arn:aws:dynamodb:${region}:${account}:table/${TableName}`,
      LatestStreamArn: streamArn,
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    });
    expect((await client.send(new ListTablesCommand({}))).TableNames).toContain(TableName);
  });

  test('GIVEN items WHEN queried and scanned THEN they come back as they were put', async () => {
    const { TableName } = await newTable();
    await client.send(new PutItemCommand({ TableName, Item: { ...item('a', '1'), bytes: { B: new Uint8Array([1, 2, 255]) } } }));
    const found = await client.send(
      new QueryCommand({ TableName, KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': { S: 'a' } } }),
    );
    expect(found.Items?.[0]?.bytes?.B).toEqual(new Uint8Array([1, 2, 255]));
    expect((await client.send(new ScanCommand({ TableName }))).Count).toBe(1);
  });

  test('GIVEN time to live is set WHEN described THEN it is on', async () => {
    const { TableName } = await newTable();
    await client.send(new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true } }));
    expect((await client.send(new DescribeTimeToLiveCommand({ TableName }))).TimeToLiveDescription).toEqual({
      TimeToLiveStatus: 'ENABLED',
      AttributeName: 'expiresAt',
    });
  });

  test('fails GIVEN a condition that does not hold THEN with the old item where it was asked for', async () => {
    const { TableName } = await newTable();
    await client.send(new PutItemCommand({ TableName, Item: item('a', '1') }));
    const error = await failure(
      client.send(
        new PutItemCommand({
          TableName,
          Item: item('a', '2'),
          ConditionExpression: 'attribute_not_exists(pk)',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      ),
    );
    expect(error).toMatchObject({ name: 'ConditionalCheckFailedException', Item: item('a', '1') });
  });

  test('fails GIVEN a table that is not there', async () => {
    expect((await failure(client.send(new GetItemCommand({ TableName: 'nowhere', Key: key('a') })))).name).toBe(
      'ResourceNotFoundException',
    );
    expect((await failure(client.send(new DescribeTimeToLiveCommand({ TableName: 'nowhere' })))).name).toBe('ResourceNotFoundException');
  });

  test('fails GIVEN an operation that the sandbox does not have THEN 501', async () => {
    const error = await failure(client.send(new ExecuteStatementCommand({ Statement: 'SELECT * FROM nowhere' })));
    expect(error).toMatchObject({ name: 'NotImplemented', $metadata: { httpStatusCode: 501 } });
  });
});

describe('streams', () => {
  test('GIVEN an item’s life WHEN read from the start THEN insert, modify and remove come in order with both images', async () => {
    const { TableName, streamArn } = await newTable('NEW_AND_OLD_IMAGES');
    await client.send(new PutItemCommand({ TableName, Item: item('a', '1') }));
    await client.send(
      new UpdateItemCommand({
        TableName,
        Key: key('a'),
        UpdateExpression: 'SET #v = :v',
        ExpressionAttributeNames: { '#v': 'value' },
        ExpressionAttributeValues: { ':v': { S: '2' } },
      }),
    );
    await client.send(new DeleteItemCommand({ TableName, Key: key('a') }));
    const records = await recordsOf(streamArn);
    expect(records.map((record) => [record.eventName, record.dynamodb?.OldImage, record.dynamodb?.NewImage])).toEqual([
      ['INSERT', undefined, item('a', '1')],
      ['MODIFY', item('a', '1'), item('a', '2')],
      ['REMOVE', item('a', '2'), undefined],
    ]);
    const numbers = records.map((record) => BigInt(record.dynamodb?.SequenceNumber ?? 0));
    expect(numbers).toEqual([...numbers].sort((one, other) => (one < other ? -1 : 1)));
    expect(new Set(numbers).size).toBe(3);
    for (const record of records) {
      expect(record.dynamodb?.Keys).toEqual(key('a'));
      expect(Math.abs(Date.now() - Number(record.dynamodb?.ApproximateCreationDateTime))).toBeLessThan(5000);
    }
  });

  test('GIVEN writes that change nothing WHEN read THEN there is no record of them', async () => {
    const { TableName, streamArn } = await newTable('NEW_AND_OLD_IMAGES');
    const withSet = (members: string[]) => ({ ...item('a', '1'), roles: { SS: members } });
    await client.send(new PutItemCommand({ TableName, Item: withSet(['x', 'y']) }));
    await client.send(new PutItemCommand({ TableName, Item: withSet(['y', 'x']) }));
    await client.send(new DeleteItemCommand({ TableName, Key: key('absent') }));
    await failure(client.send(new PutItemCommand({ TableName, Item: item('a', '2'), ConditionExpression: 'attribute_not_exists(pk)' })));
    expect(await recordsOf(streamArn)).toHaveLength(1);
  });

  test('GIVEN a batch WHEN written THEN each changed item has its record', async () => {
    const { TableName, streamArn } = await newTable('NEW_AND_OLD_IMAGES');
    await client.send(new PutItemCommand({ TableName, Item: item('same', '1') }));
    const puts = ['one', 'two'].map((pk) => ({ PutRequest: { Item: item(pk, '1') } }));
    await client.send(
      new BatchWriteItemCommand({
        RequestItems: { [TableName]: [...puts, { PutRequest: { Item: item('same', '1') } }, { DeleteRequest: { Key: key('gone') } }] },
      }),
    );
    const written = (await recordsOf(streamArn)).slice(1);
    expect(written.map((record) => [record.eventName, record.dynamodb?.Keys?.pk?.S])).toEqual([
      ['INSERT', 'one'],
      ['INSERT', 'two'],
    ]);
  });

  test('GIVEN fifty writers of one item WHEN they race THEN each old image is the new image before it', async () => {
    const { TableName, streamArn } = await newTable('NEW_AND_OLD_IMAGES');
    await Promise.all(
      Array.from({ length: 50 }, (_, index) => client.send(new PutItemCommand({ TableName, Item: item('a', String(index)) }))),
    );
    const records = await recordsOf(streamArn);
    expect(records).toHaveLength(50);
    for (const [index, record] of records.entries()) expect(record.dynamodb?.OldImage).toEqual(records[index - 1]?.dynamodb?.NewImage);
  });

  test('GIVEN records WHEN iterators start at, after and at the end THEN each begins where it says', async () => {
    const { TableName, streamArn } = await newTable('NEW_AND_OLD_IMAGES');
    for (const pk of ['a', 'b', 'c']) await client.send(new PutItemCommand({ TableName, Item: item(pk, '1') }));
    const second = (await recordsOf(streamArn))[1]?.dynamodb?.SequenceNumber;
    const keysFrom = async (...from: [Parameters<typeof recordsOf>[1], string?]) =>
      (await recordsOf(streamArn, ...from)).map((record) => record.dynamodb?.Keys?.pk?.S);
    expect(await keysFrom('AT_SEQUENCE_NUMBER', second)).toEqual(['b', 'c']);
    expect(await keysFrom('AFTER_SEQUENCE_NUMBER', second)).toEqual(['c']);
    expect(await keysFrom('LATEST')).toEqual([]);
  });

  test('GIVEN a waiter at the end WHEN an item is written THEN it resolves long before its time is over', async () => {
    const { TableName, streamArn } = await newTable('KEYS_ONLY');
    await client.send(new PutItemCommand({ TableName, Item: item('a', '1') }));
    const [first] = await recordsOf(streamArn);
    expect(first?.dynamodb).not.toHaveProperty('NewImage');
    const started = performance.now();
    const waiting = endpoint.waitForStream(streamArn, first?.dynamodb?.SequenceNumber, 10_000);
    await client.send(new PutItemCommand({ TableName, Item: item('b', '1') }));
    await waiting;
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('GIVEN nothing new WHEN waited for THEN it resolves when the time is over', async () => {
    const { streamArn } = await newTable('NEW_AND_OLD_IMAGES');
    const started = performance.now();
    await endpoint.waitForStream(streamArn, undefined, 50);
    expect(performance.now() - started).toBeGreaterThanOrEqual(48);
  });

  test('GIVEN tables with and without a stream WHEN listed THEN only the former have one', async () => {
    const plain = await newTable();
    const watched = await newTable('NEW_AND_OLD_IMAGES');
    expect(plain.streamArn).toBe('');
    expect((await streams.send(new ListStreamsCommand({ TableName: plain.TableName }))).Streams).toEqual([]);
    expect((await streams.send(new ListStreamsCommand({ TableName: watched.TableName }))).Streams).toMatchObject([
      { StreamArn: watched.streamArn },
    ]);
  });

  test('fails GIVEN a stream, an iterator or a shard that is not there', async () => {
    const { streamArn } = await newTable('NEW_AND_OLD_IMAGES');
    expect((await failure(streams.send(new DescribeStreamCommand({ StreamArn: `${streamArn}9` })))).name).toBe('ResourceNotFoundException');
    expect((await failure(streams.send(new GetRecordsCommand({ ShardIterator: 'made-up' })))).name).toBe('ValidationException');
    const wrongShard = new GetShardIteratorCommand({
      StreamArn: streamArn,
      ShardId: 'shardId-0000000000000000000000',
      ShardIteratorType: 'LATEST',
    });
    expect((await failure(streams.send(wrongShard))).name).toBe('ResourceNotFoundException');
  });
});

describe('speed', () => {
  test('GIVEN an item WHEN read over HTTP many times THEN a tenth of the calls take less than 5 ms, however busy the machine is', async () => {
    const { TableName } = await newTable();
    await client.send(new PutItemCommand({ TableName, Item: item('a', '1') }));
    const times: number[] = [];
    for (let call = 0; call < 100; call += 1) {
      const started = performance.now();
      await client.send(new GetItemCommand({ TableName, Key: key('a') }));
      times.push(performance.now() - started);
    }
    expect(times.sort((one, other) => one - other)[10]).toBeLessThan(5);
  });
});
