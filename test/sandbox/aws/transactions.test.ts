/** TransactWriteItems of Put: all or nothing, with a reason an item. */
import { beforeAll, expect, test } from 'vitest';
import type { AwsEndpoint } from '../../../sandbox/aws/endpoint.ts';
import { account, allow, endpointForTests, failure, region, roleAllowed } from './endpoint-fixture.ts';

let endpoint: AwsEndpoint;
const call = (operation: string, input: object, caller: Parameters<AwsEndpoint['call']>[0] = 'operator') =>
  endpoint.call(caller, 'dynamodb', operation, { TableName: 'claims', ...input });
const put = (pk: string, value: string, ConditionExpression = 'attribute_not_exists(pk)', more: object = {}) => ({
  Put: { TableName: 'claims', Item: { pk: { S: pk }, value: { S: value } }, ConditionExpression, ...more },
});
const stored = async (pk: string) => ((await call('GetItem', { Key: { pk: { S: pk } } })).Item as { value: object } | undefined)?.value;

beforeAll(async () => {
  endpoint = await endpointForTests();
  await call('CreateTable', {
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  });
});

test('GIVEN conditions that hold THEN all is written; GIVEN one that does not THEN nothing is, and the item that is there comes back', async () => {
  await call('TransactWriteItems', { TransactItems: Array.from({ length: 60 }, (_, index) => put(`a${index}`, 'first')) });
  expect(await stored('a59')).toEqual({ S: 'first' });
  const old = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };
  const refused = await failure(call('TransactWriteItems', { TransactItems: [put('b', 'new'), put('a1', 'new', undefined, old)] }));
  expect(refused).toMatchObject({
    code: 'TransactionCanceledException',
    fields: { CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item: { value: { S: 'first' } } }] },
  });
  expect(await stored('b')).toBeUndefined();
  const instead = (before: string) => put('a1', 'next', 'value = :before', { ExpressionAttributeValues: { ':before': { S: before } } });
  expect(await failure(call('TransactWriteItems', { TransactItems: [instead('other')] }))).toMatchObject({
    code: 'TransactionCanceledException',
  });
  await call('TransactWriteItems', { TransactItems: [instead('first')] });
  expect(await stored('a1')).toEqual({ S: 'next' });
});

test('GIVEN two that meet at an item THEN one of them wins', async () => {
  const both = await Promise.allSettled(
    ['one', 'other'].map((value) => call('TransactWriteItems', { TransactItems: [put('c', value), put(`d-${value}`, value)] })),
  );
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('GIVEN a role WHEN it may not put items THEN it may not put them in a transaction either', async () => {
  const arn = `arn:aws:dynamodb:${region}:${account}:table/claims`;
  const caller = (name: string, action: string) => ({ roleArn: roleAllowed(endpoint, name, [allow(action, arn)]), sessionName: name });
  const denied = call('TransactWriteItems', { TransactItems: [put('e', 'x')] }, caller('reader', 'dynamodb:GetItem'));
  expect(await failure(denied)).toMatchObject({ code: 'AccessDeniedException' });
  await call('TransactWriteItems', { TransactItems: [put('e', 'x')] }, caller('writer', 'dynamodb:PutItem'));
});

test.each([
  ['nothing', [], 'ValidationException'],
  ['too many items', Array.from({ length: 101 }, (_, index) => put(`x${index}`, 'x')), 'ValidationException'],
  ['one item twice', [put('f', 'x'), put('f', 'y')], 'ValidationException'],
  ['another write', [{ Delete: { TableName: 'claims', Key: { pk: { S: 'a1' } } } }], 'NotImplemented'],
  ['another condition', [put('g', 'x', 'size(pk) > :n')], 'NotImplemented'],
])('fails for %s', async (_, TransactItems, code) => {
  expect(await failure(call('TransactWriteItems', { TransactItems }))).toMatchObject({ code });
});
