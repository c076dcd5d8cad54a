/** DynamoDB tables, and items that Terraform itself writes. */
import type { Arguments } from '../arguments.ts';
import { asObject } from '../template.ts';
import { type ApplyContext, type Attributes, present, type ResourceTypes } from './resource.ts';

export const dynamodb: ResourceTypes = {
  aws_dynamodb_table: { apply: applyTable },
  aws_dynamodb_table_item: { apply: applyItem },
};

/** Created on the condition that there is none of its key, as the provider does it. */
async function applyItem(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const TableName = config.text('table_name');
  const hashKey = config.text('hash_key');
  const rangeKey = config.optionalText('range_key');
  const Item = asObject(config.json('item') ?? {}, `${config.address}: item`);
  for (const key of [hashKey, ...(rangeKey === undefined ? [] : [rangeKey])])
    if (Item[key] === undefined) throw new Error(`${config.address}: item has no ${key}, which is a key of ${TableName}`);
  await context.operator('dynamodb', 'PutItem', {
    TableName,
    Item,
    ConditionExpression: 'attribute_not_exists(#hashKey)',
    ExpressionAttributeNames: { '#hashKey': hashKey },
  });
  return { id: [TableName, hashKey, rangeKey].filter((part) => part !== undefined).join('|') };
}

async function applyTable(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  config.withoutEffect('point_in_time_recovery', 'deletion_protection_enabled', 'server_side_encryption', 'tags', 'table_class');
  const streamEnabled = config.flag('stream_enabled');
  const viewType = config.optionalText('stream_view_type');
  const created = await context.operator(
    'dynamodb',
    'CreateTable',
    present({
      TableName: name,
      ...billing(config),
      AttributeDefinitions: config.blocks('attribute').map((one) => ({ AttributeName: one.text('name'), AttributeType: one.text('type') })),
      KeySchema: keySchema(config),
      GlobalSecondaryIndexes: globalIndexes(config),
      StreamSpecification: streamEnabled ? { StreamEnabled: true, StreamViewType: viewType } : undefined,
    }),
  );
  const ttl = config.block('ttl');
  if (ttl?.flag('enabled')) {
    await context.operator('dynamodb', 'UpdateTimeToLive', {
      TableName: name,
      TimeToLiveSpecification: { Enabled: true, AttributeName: ttl.text('attribute_name') },
    });
  }
  const description = (created.TableDescription ?? {}) as { LatestStreamArn?: string; LatestStreamLabel?: string };
  return {
    id: name,
    arn: context.arn('dynamodb', `table/${name}`),
    stream_arn: description.LatestStreamArn ?? '',
    stream_label: description.LatestStreamLabel ?? '',
  };
}

function billing(config: Arguments): Record<string, unknown> {
  const mode = config.optionalText('billing_mode') ?? 'PROVISIONED';
  if (mode !== 'PROVISIONED') return { BillingMode: mode };
  const units = { ReadCapacityUnits: config.number('read_capacity'), WriteCapacityUnits: config.number('write_capacity') };
  return { BillingMode: mode, ProvisionedThroughput: units };
}

function keySchema(config: Arguments): readonly Record<string, string>[] {
  const range = config.optionalText('range_key');
  const hash = { AttributeName: config.text('hash_key'), KeyType: 'HASH' };
  return range === undefined ? [hash] : [hash, { AttributeName: range, KeyType: 'RANGE' }];
}

function globalIndexes(config: Arguments): readonly Record<string, unknown>[] | undefined {
  const indexes = config.blocks('global_secondary_index').map((index) => {
    const others = index.texts('non_key_attributes');
    return {
      IndexName: index.text('name'),
      KeySchema: keySchema(index),
      Projection: { ProjectionType: index.text('projection_type'), ...(others.length > 0 && { NonKeyAttributes: others }) },
    };
  });
  return indexes.length > 0 ? indexes : undefined;
}
