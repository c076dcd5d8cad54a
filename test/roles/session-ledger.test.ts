/** Both ledgers of cut sessions keep the contract; the one in DynamoDB against the sandbox's endpoint. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { dynamoDbSessionLedger } from '../../handlers/roles/targets/identity-center/dynamodb-session-ledger.ts';
import { tableForTests } from '../platform/table-for-tests.ts';
import { memorySessionLedger } from './memory-session-ledger.ts';
import { sessionLedgerContract } from './session-ledger-contract.ts';

const client = await tableForTests('roles');

sessionLedgerContract('the ledger of cut sessions in memory', memorySessionLedger);
sessionLedgerContract('the ledger of cut sessions in DynamoDB', () => dynamoDbSessionLedger(client, 'roles', randomUUID()));

test('GIVEN two targets THEN each has entries of its own', async () => {
  const [one, other] = ['one', 'other'].map((target) => dynamoDbSessionLedger(client, 'roles', target));
  await one?.write({ permissionSet: 'ReadOnly', version: 1, users: {} });
  expect(await other?.read('ReadOnly')).toBeUndefined();
});
