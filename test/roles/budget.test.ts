/** Both budgets keep the contract, and several functions together use what they may and no more. */
import { randomUUID } from 'node:crypto';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { callSlots } from '../../handlers/roles/call-slots.ts';
import { dynamoDbBudget } from '../../handlers/roles/dynamodb-budget.ts';
import { tableForTests } from '../platform/table-for-tests.ts';
import { budgetContract, busiestSecond } from './budget-contract.ts';
import { memoryBudgets } from './memory-budget.ts';

const client = await tableForTests('roles');
const share = () => {
  const target = `identity-center-${randomUUID()}`;
  return () => dynamoDbBudget(client, 'roles', target);
};

budgetContract('the budget in memory', memoryBudgets);
budgetContract('the budget in DynamoDB', share);

// Whether slots are used to the full depends on the machine, too; that no second sees more than 20 does not, and is asserted each time.
test('GIVEN four functions that share a budget WHEN they want far more THEN no second sees more than 20 calls, and 90 % of 20 are used', {
  retry: 3,
  timeout: 30_000,
}, async () => {
  const open = share();
  const calls: number[] = [];
  const seconds = 5;
  const until = Date.now() + 1000 * seconds;
  const work = async (budget: ReturnType<typeof open>) => {
    while (Date.now() < until) {
      await budget.call('identitystore:CreateGroupMembership', async () => {
        calls.push(Date.now());
        await new Promise((resolve) => setTimeout(resolve, 20));
      });
    }
  };
  await Promise.all(Array.from({ length: 4 }, open).flatMap((budget) => Array.from({ length: 5 }, () => work(budget))));
  const within = calls.filter((at) => at < until);
  expect(busiestSecond(calls)).toBeLessThanOrEqual(20);
  expect(within.length).toBeGreaterThanOrEqual(0.9 * 20 * seconds);
});

test('GIVEN many who wait at once THEN slots are reserved together, with few writes', async () => {
  let writes = 0;
  const counting = new Proxy(client, {
    get: (target, property, receiver) => {
      if (property === 'send') writes += 1;
      const value = Reflect.get(target, property, receiver);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  }) as DynamoDBClient;
  const budget = dynamoDbBudget(counting, 'roles', `identity-center-${randomUUID()}`);
  await Promise.all(Array.from({ length: 40 }, () => budget.call('sso', async () => undefined)));
  expect(writes).toBeLessThanOrEqual(20);
});

test('GIVEN a table that answers slowly THEN slots are asked for ahead of the answer, and none is lost again and again', async () => {
  let next = 0;
  let reserved = 0;
  const reserve = async (count: number, from: number) => {
    const first = Math.max(next, from);
    next = first + count * 50;
    reserved += count;
    await new Promise((resolve) => setTimeout(resolve, 150));
    return first;
  };
  const slot = callSlots({ intervalMs: 50, reserve });
  for (let call = 0; call < 6; call += 1) await slot();
  expect(reserved).toBeLessThanOrEqual(10);
});

test('fails with what kept it from reserving, for all who wait', async () => {
  const slot = callSlots({ intervalMs: 50, reserve: () => Promise.reject(new Error('the table is out of reach')) });
  const outcomes = await Promise.allSettled([slot(), slot()]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});
