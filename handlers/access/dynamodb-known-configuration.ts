/** What was told of the configuration, as items of the grants table: one a part. */
import { type DynamoDBClient, PutItemCommand, paginateQuery } from '@aws-sdk/client-dynamodb';
import { fromItem, toItem } from '../platform/dynamodb.ts';
import { type ConfigurationPart, type KnownConfiguration, keyOf } from './configuration-changes.ts';

const pk = 'configuration';

export function dynamoDbKnownConfiguration(client: DynamoDBClient, table: string): KnownConfiguration {
  return {
    async read() {
      const pages = paginateQuery(
        { client },
        {
          TableName: table,
          ConsistentRead: true,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: toItem({ ':pk': pk }),
        },
      );
      const parts: ConfigurationPart[] = [];
      for await (const { Items = [] } of pages) {
        for (const { kind, name, content } of Items.map(fromItem) as unknown as readonly ConfigurationPart[])
          parts.push({ kind, name, content });
      }
      return parts;
    },
    async write(part) {
      // What was taken out stays as an item without content: deleting is not among what decide-access may do.
      await client.send(new PutItemCommand({ TableName: table, Item: toItem({ pk, sk: keyOf(part), ...part }) }));
    },
  };
}
