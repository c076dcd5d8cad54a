/** A grants table, in an endpoint of the test file's own: with a sort key, which the guards' items are told apart by. */
import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll } from 'vitest';
import { dynamoDbGuardStore } from '../../handlers/roles/dynamodb-guard.ts';
import type { GuardStore } from '../../handlers/roles/guard-store.ts';
import type { AwsEndpoint } from '../../sandbox/aws/endpoint.ts';
import { clientOf, endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';

export const grantsTable = 'grants';

export async function grantsTableIn(endpoint: AwsEndpoint): Promise<DynamoDBClient> {
  await endpoint.call('operator', 'dynamodb', 'CreateTable', {
    TableName: grantsTable,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
  });
  const client = new DynamoDBClient(clientOf(endpoint));
  afterAll(() => client.destroy());
  return client;
}

/** @returns what makes stores, each of a target of its own */
export async function guardStores(): Promise<() => GuardStore> {
  const client = await grantsTableIn(await endpointForTests());
  return () => dynamoDbGuardStore(client, grantsTable, `target-${randomUUID()}`);
}
