/** Both grants tables keep the contract; the one in DynamoDB against the sandbox's endpoint. */
import { dynamoDbGrants } from '../../handlers/access/dynamodb-grants.ts';
import { tableForTests } from '../platform/table-for-tests.ts';
import { grantsContract } from './grants-contract.ts';
import { memoryGrants } from './memory-grants.ts';

const client = await tableForTests('grants');

grantsContract('the grants table in memory', memoryGrants);
grantsContract('the grants table in DynamoDB', () => dynamoDbGrants(client, 'grants'));
