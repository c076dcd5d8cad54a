/** The credentials table in DynamoDB: settings under `pk = settings`, which Terraform writes, notes under `pk = rotation`; `sk` is the name. */
import { type DynamoDBClient, GetItemCommand, paginateQuery } from '@aws-sdk/client-dynamodb';
import { fromItem, putNextVersion, toItem } from '../platform/dynamodb.ts';
import { RetryableError } from '../platform/errors.ts';
import { type CredentialSettings, parseCredentialSettings } from './credential-settings.ts';
import { newEntry, type RotationEntry, type RotationLedger } from './rotation-ledger.ts';

const settingsPk = 'settings';
const entryPk = 'rotation';

export function dynamoDbRotationLedger(client: DynamoDBClient, table: string): RotationLedger {
  return {
    async settings() {
      const all: CredentialSettings[] = [];
      const query = { TableName: table, KeyConditionExpression: 'pk = :pk', ExpressionAttributeValues: toItem({ ':pk': settingsPk }) };
      for await (const { Items = [] } of paginateQuery({ client }, query)) {
        for (const item of Items) all.push(parseCredentialSettings(String(fromItem(item).settings)));
      }
      return all;
    },
    async read(name) {
      const Key = toItem({ pk: entryPk, sk: name });
      const { Item } = await client.send(new GetItemCommand({ TableName: table, Key, ConsistentRead: true }));
      if (Item === undefined) return newEntry(name);
      const { pk: _, sk: __, ...entry } = fromItem(Item);
      return { ...(entry as unknown as RotationEntry), name };
    },
    async write({ name, ...entry }) {
      if (!(await putNextVersion(client, table, { pk: entryPk, sk: name, ...entry })))
        throw new RetryableError(`the notes of credential "${name}" were written by another run meanwhile: it is tried again`);
    },
  };
}
