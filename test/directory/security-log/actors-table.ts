/** The table of actor hints and wakes, in an endpoint of the test file's own. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll } from 'vitest';
import type { AwsEndpoint } from '../../../sandbox/aws/endpoint.ts';
import { endpointForTests } from '../../sandbox/aws/endpoint-fixture.ts';

export const actorsTable = 'actors';

/** @returns the endpoint, and the SDK's client of it, which repeats calls as it does in a function */
export async function actorsTableForTests(): Promise<{ readonly endpoint: AwsEndpoint; readonly client: DynamoDBClient }> {
  const endpoint = await endpointForTests();
  await endpoint.call('operator', 'dynamodb', 'CreateTable', {
    TableName: actorsTable,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });
  const client = new DynamoDBClient({ endpoint: endpoint.url, region: endpoint.region, credentials: endpoint.operator });
  afterAll(() => client.destroy());
  return { endpoint, client };
}
