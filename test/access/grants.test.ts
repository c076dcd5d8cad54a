/** Both grants tables keep the contract; the one in DynamoDB against the sandbox's endpoint. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll } from 'vitest';
import { dynamoDbGrants } from '../../handlers/access/dynamodb-grants.ts';
import { type AwsEndpoint, startEndpoint } from '../../sandbox/aws/endpoint.ts';
import { grantsContract } from './grants-contract.ts';
import { memoryGrants } from './memory-grants.ts';

let endpoint: AwsEndpoint;
let client: DynamoDBClient;

beforeAll(async () => {
  endpoint = await startEndpoint({ region: 'eu-central-1', account: '111122223333', identityStoreId: 'd-1234567890' });
  await endpoint.call('operator', 'dynamodb', 'CreateTable', {
    TableName: 'grants',
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

grantsContract('the grants table in memory', memoryGrants);
grantsContract('the grants table in DynamoDB', () => dynamoDbGrants(client, 'grants'));
