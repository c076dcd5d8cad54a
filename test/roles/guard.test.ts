/** Both guards keep the contract; the one in DynamoDB against the sandbox's endpoint. */
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import { toItem } from '../../handlers/platform/dynamodb.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { dynamoDbGuard, dynamoDbGuardStore } from '../../handlers/roles/dynamodb-guard.ts';
import { guardLimits, openGuard } from '../../handlers/roles/guard-limits.ts';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { guardContract } from './guard-contract.ts';
import { grantsTable, grantsTableIn, guardStores } from './guard-table.ts';
import { memoryGuardStore } from './memory-guard.ts';
import { removalOf } from './removals.ts';

guardContract('the guard in memory', memoryGuardStore);
guardContract('the guard in DynamoDB', await guardStores());

describe('the guard in DynamoDB', async () => {
  const endpoint = await endpointForTests();
  const client = await grantsTableIn(endpoint);
  const guardOf = (target: string) => dynamoDbGuard(client, grantsTable, { target, limits: guardLimits({}), now: () => new Date() });

  test('WHEN two targets are guarded THEN each has its own state, under its own partition key', async () => {
    await guardOf('first').admit(removalOf(1));
    expect((await dynamoDbGuardStore(client, grantsTable, 'second').read()).version).toBe(0);
    const { Item } = await client.send(
      new GetItemCommand({ TableName: grantsTable, Key: toItem({ pk: 'guard#first', sk: `staged#${removalOf(1).key}` }) }),
    );
    expect(Item?.outcome).toEqual({ S: 'admitted' });
  });

  test('WHEN more is staged than one page of a query holds THEN all of it is found', async () => {
    const store = dynamoDbGuardStore(client, grantsTable, 'large');
    const note = { version: 1, outcome: 'staged', revision: 1, revocations: 1, accounts: 0, guard: 'g' } as const;
    const roles = Array.from({ length: 100 }, (_, index) => ({ role: `role-${index}-${'x'.repeat(200)}`, mapping: 'all' }));
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        store.writeRemoval({ ...note, key: `k${String(index).padStart(3, '0')}`, name: `${index}`, roles, at: '2025-03-01T10:00:00.000Z' }),
      ),
    );
    const found = await store.removalsOf('g');
    expect(found.map(({ key }) => key)).toEqual(Array.from({ length: 60 }, (_, index) => `k${String(index).padStart(3, '0')}`));
  });

  test.each([
    ['of a later release', { ...openGuard, format: 2 }],
    ['with a field that is not known', { ...openGuard, paused: true }],
    ['that is damaged', { ...openGuard, buckets: 'none' }],
  ])('fails, to be tried again, for a state %s: nothing is admitted', async (name, state) => {
    const target = name.replaceAll(' ', '-');
    await client.send(
      new PutItemCommand({ TableName: grantsTable, Item: toItem({ pk: `guard#${target}`, sk: 'state', version: 3, state }) }),
    );
    await expect(guardOf(target).admit(removalOf(1))).rejects.toThrow(RetryableError);
    await expect(guardOf(target).admit(removalOf(1))).rejects.toThrow(/deploy the release that wrote it/);
  });
});
