/** Both grants tables keep the contract; the one in DynamoDB against the sandbox's endpoint. */
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { decide } from '../../handlers/access/decide.ts';
import { dynamoDbGrants } from '../../handlers/access/dynamodb-grants.ts';
import { tableForTests } from '../platform/table-for-tests.ts';
import { context, group, member, user } from './decisions.ts';
import { grantsContract } from './grants-contract.ts';
import { memoryGrants } from './memory-grants.ts';

const client = await tableForTests('grants', 'sk');

grantsContract('the grants table in memory', memoryGrants);
grantsContract('the grants table in DynamoDB', () => dynamoDbGrants(client, 'grants'));

test('GIVEN items of guards, and more than one page, WHEN the table is scanned THEN principals come alone, all of them', async () => {
  // GIVEN principals and other items of the table, each so large that a page of 1 MB ends in between
  const grants = dynamoDbGrants(client, 'grants');
  const item = decide(user(), member(group(10, 'AWS-Developers')), undefined, context);
  if (item === undefined) throw new Error('nothing was decided');
  const large = 'x'.repeat(300_000);
  const pks = Array.from({ length: 6 }, (_, index) => `large.example.com#${index}`);
  for (const pk of pks) {
    await grants.replace({ ...item, pk, subject: { ...item.subject, name: large } }, undefined);
    const guard = { pk: { S: `guard#${pk}` }, sk: { S: 'state' }, text: { S: large } };
    await client.send(new PutItemCommand({ TableName: 'grants', Item: guard }));
  }
  // WHEN
  const seen: string[] = [];
  let [after, stretches]: [string | undefined, number] = [undefined, 0];
  do {
    const stretch: Awaited<ReturnType<typeof grants.scan>> = await grants.scan(after);
    seen.push(...stretch.items.map(({ pk }) => pk));
    [after, stretches] = [stretch.after, stretches + 1];
  } while (after !== undefined);
  // THEN
  expect(stretches).toBeGreaterThan(1);
  expect(seen.filter((pk) => pk.includes('large')).sort()).toEqual(pks);
});
