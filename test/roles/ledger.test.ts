/** Both ledgers keep the contract; the one in DynamoDB against the sandbox's endpoint. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll } from 'vitest';
import { dynamoDbLedger } from '../../handlers/roles/dynamodb-ledger.ts';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';
import { ledgerContract } from './ledger-contract.ts';
import { memoryLedger } from './memory-ledger.ts';

let endpoint: AwsEndpoint;
let client: DynamoDBClient;

beforeAll(async () => {
  endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
  await endpoint.call('operator', 'dynamodb', 'CreateTable', {
    TableName: 'roles',
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  });
  client = new DynamoDBClient({ endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator });
});

afterAll(async () => {
  client?.destroy();
  await endpoint?.close();
});

ledgerContract('the ledger in memory', memoryLedger);
ledgerContract('the ledger in DynamoDB', () => dynamoDbLedger(client, 'roles'));
