/** Both mirrors keep the contract; the one in DynamoDB against the sandbox's endpoint. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dynamoDbMirror } from '../../handlers/directory/dynamodb-mirror.ts';
import { isObjectRow, type Mirror } from '../../handlers/directory/mirror.ts';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';
import { directoryTable } from './directory-table.ts';
import { memoryMirror } from './memory-mirror.ts';
import { mirrorContract } from './mirror-contract.ts';
import { objectRow, userObject } from './rows.ts';

const table = 'directory';
let endpoint: AwsEndpoint;
let client: DynamoDBClient;

beforeAll(async () => {
  endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
  await endpoint.call('operator', 'dynamodb', 'CreateTable', directoryTable(table));
  client = new DynamoDBClient({ endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator });
});

afterAll(async () => {
  client?.destroy();
  await endpoint?.close();
});

/** The client exists only once the endpoint runs. */
const lateDynamoDbMirror = (now: () => Date): Mirror =>
  new Proxy({} as Mirror, { get: (_, method) => Reflect.get(dynamoDbMirror(client, table, now), method) });

mirrorContract('the mirror in DynamoDB', lateDynamoDbMirror);

describe('the mirror in memory', () => {
  // Every call of the contract sees the rows of its own test only: domains differ.
  mirrorContract('keeps the same contract', (now) => memoryMirror(now));
});

describe('GIVEN an AWS that loses answers and throttles', () => {
  test.each([
    ['PutItem', { loseResponse: true }],
    ['UpdateItem', { loseResponse: true }],
    ['PutItem', { throttle: true }],
    ['BatchGetItem', { throttle: true }],
  ] as const)('WHEN the answer of one %s is %j THEN the call is repeated and means the same', async (operation, effect) => {
    const domain = `${operation}-${Object.keys(effect)[0]}.example.com`;
    const mirror = dynamoDbMirror(client, table);
    const remove = endpoint.inject({ match: (call) => call.operation === operation, effect });
    try {
      const lease = await mirror.acquireLease(domain, 'one', 60_000);
      const user = { ...objectRow(userObject(1, 'Ada')), pk: `${domain}#1` };
      await mirror.write([user]);
      const read = await mirror.read([user]);
      expect(lease).toBeDefined();
      expect(read.filter(isObjectRow)).toMatchObject([{ revision: 1, dn: user.dn }]);
    } finally {
      remove();
    }
  });

  test('fails when the table does not exist, with the error of DynamoDB', async () => {
    await expect(dynamoDbMirror(client, 'no-such-table').read([{ pk: 'a', sk: 'b' }])).rejects.toThrow(/not found|resource/i);
  });
});
