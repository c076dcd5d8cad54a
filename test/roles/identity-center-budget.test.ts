/** Several functions at IAM Identity Center, which takes 20 calls a second of each API: with their shared budget it never has to refuse one. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, expect, test } from 'vitest';
import { dynamoDbBudget } from '../../handlers/roles/dynamodb-budget.ts';
import { tableForTests } from '../platform/table-for-tests.ts';
import { endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';
import { person } from './contract-fixtures.ts';
import { identityCenterWorld } from './identity-center-world.ts';

const endpoint = await endpointForTests({ identityStoreCallsPerSecond: 20 });
const center = identityCenterWorld(endpoint);
const client: DynamoDBClient = await tableForTests('roles');

afterAll(() => center.close());

// Timers of a machine that others use, too, may be late: then a call may come too early after the one before.
test('GIVEN three functions WHEN each adds many members at once THEN no call is throttled, and 90 % of 20 calls a second are used', {
  retry: 3,
  timeout: 30_000,
}, async () => {
  const targets = Array.from({ length: 3 }, () => center.function({ budget: dynamoDbBudget(client, 'roles', 'identity-center') }));
  // GIVEN nine people and nine roles
  const stamp = Date.now();
  const name = (number: number) => `${stamp}-${number}`;
  const users: string[] = [];
  const roles: string[] = [];
  for (let number = 0; number < 9; number += 1) {
    users.push(await center.unmarkedAccount({ ...person(number), userName: name(number), email: `${name(number)}@example.com` }));
    roles.push(await center.unmarkedRole(name(number)));
  }
  endpoint.clearCalls();
  await Promise.all(users.flatMap((user, index) => roles.map((role) => targets[index % targets.length]?.addMember(role, user))));
  const calls = endpoint.calls.filter(({ operation }) => operation === 'CreateGroupMembership');
  const times = calls.map(({ at }) => at);
  expect(calls.filter(({ outcome }) => outcome !== 'ok')).toEqual([]);
  expect(calls).toHaveLength(81);
  expect((Math.max(...times) - Math.min(...times)) / 1000).toBeLessThanOrEqual(81 / (0.9 * 20));
});
