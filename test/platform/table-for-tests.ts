/** A table in an endpoint of the test file's own. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll } from 'vitest';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';

/** Makes a table with the key `pk`, or that and more. @returns the SDK's client of it, which repeats calls as it does in a function */
export async function tableForTests(TableName: string, ...sortKey: readonly 'sk'[]): Promise<DynamoDBClient> {
  const endpoint = await endpointForTests();
  await endpoint.call('operator', 'dynamodb', 'CreateTable', {
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', ...sortKey].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: ['pk', ...sortKey].map((AttributeName) => ({ AttributeName, KeyType: AttributeName === 'pk' ? 'HASH' : 'RANGE' })),
  });
  const client = new DynamoDBClient({ endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator });
  afterAll(() => client.destroy());
  return client;
}
