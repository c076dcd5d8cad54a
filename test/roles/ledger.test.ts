/** Both ledgers keep the contract; the one in DynamoDB against the sandbox's endpoint. */
import { dynamoDbLedger } from '../../handlers/roles/dynamodb-ledger.ts';
import { tableForTests } from '../platform/table-for-tests.ts';
import { ledgerContract } from './ledger-contract.ts';
import { memoryLedger } from './memory-ledger.ts';

const client = await tableForTests('roles');

ledgerContract('the ledger in memory', memoryLedger);
ledgerContract('the ledger in DynamoDB', () => dynamoDbLedger(client, 'roles'));
