import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { CreateUserCommand, IdentitystoreClient, ListUsersCommand } from '@aws-sdk/client-identitystore';
import { describe, expect, test } from 'vitest';
import { AwsError } from '../../../sandbox/aws/endpoint.ts';
import { clientOf, endpointForTests, failure, identityStoreId } from './endpoint-fixture.ts';

const endpoint = await endpointForTests();
const tables = new DynamoDBClient(clientOf(endpoint));
const users = new IdentitystoreClient(clientOf(endpoint));
const onListTables = ({ operation }: { operation: string }) => operation === 'ListTables';
const newUser = {
  IdentityStoreId: identityStoreId,
  UserName: 'ada',
  DisplayName: 'Ada',
  Name: { GivenName: 'Ada', FamilyName: 'Example' },
};

describe('injected faults', () => {
  test('GIVEN a throttle WHEN called THEN it strikes as often as said, then the call is done', async () => {
    endpoint.clearCalls();
    endpoint.inject({ match: onListTables, times: 2, effect: { throttle: true } });
    expect((await failure(tables.send(new ListTablesCommand({})))).name).toBe('ThrottlingException');
    const patient = new DynamoDBClient({ ...clientOf(endpoint), maxAttempts: 3 });
    await patient.send(new ListTablesCommand({}));
    expect(endpoint.calls.map((call) => call.outcome)).toEqual(['fault', 'fault', 'ok']);
  });

  test('GIVEN an error WHEN called THEN the client gets its code; removed THEN it does not', async () => {
    const remove = endpoint.inject({ match: onListTables, times: 5, effect: { error: new AwsError('InternalServerError', 'down', 500) } });
    expect((await failure(tables.send(new ListTablesCommand({})))).name).toBe('InternalServerError');
    remove();
    await tables.send(new ListTablesCommand({}));
  });

  test('GIVEN a delay WHEN called THEN the answer comes later', async () => {
    endpoint.inject({ match: onListTables, effect: { delayMs: 120 } });
    const started = performance.now();
    await tables.send(new ListTablesCommand({}));
    expect(performance.now() - started).toBeGreaterThanOrEqual(118);
  });

  test('GIVEN a hook WHEN called THEN it has run before the operation', async () => {
    let ran = false;
    endpoint.inject({
      match: onListTables,
      effect: {
        before: () => {
          ran = true;
        },
      },
    });
    await tables.send(new ListTablesCommand({}));
    expect(ran).toBe(true);
  });

  test('GIVEN the response is lost WHEN a user is created THEN the caller sees a cut connection, and the user is there', async () => {
    endpoint.inject({ match: ({ operation }) => operation === 'CreateUser', effect: { loseResponse: true } });
    const error = await failure(users.send(new CreateUserCommand(newUser)));
    expect(`${error.code} ${error.message}`).toMatch(/ECONNRESET|socket hang up/);
    expect((await users.send(new ListUsersCommand({ IdentityStoreId: identityStoreId }))).Users?.map((user) => user.UserName)).toEqual([
      'ada',
    ]);
  });
});

describe('the call log', () => {
  test('GIVEN a change at the identity store WHEN logged THEN with its input; a read without', async () => {
    endpoint.clearCalls();
    await users.send(new CreateUserCommand({ ...newUser, UserName: 'bob' }));
    await users.send(new ListUsersCommand({ IdentityStoreId: identityStoreId }));
    const [created, listed] = endpoint.calls;
    expect(created).toMatchObject({ operation: 'CreateUser', input: { UserName: 'bob' } });
    expect(listed).not.toHaveProperty('input');
  });

  test('GIVEN a secret is written and read WHEN the log is searched THEN its value is not in it', async () => {
    await endpoint.call('operator', 'secretsmanager', 'CreateSecret', { Name: 'logged', SecretString: 'hunter2-in-the-log' });
    await endpoint.call('operator', 'secretsmanager', 'GetSecretValue', { SecretId: 'logged' });
    expect(JSON.stringify(endpoint.calls)).not.toContain('hunter2-in-the-log');
  });
});
