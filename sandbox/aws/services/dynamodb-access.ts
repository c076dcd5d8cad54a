import { isRecord, optionalText, text } from '../input.ts';
import type { Authorization, ConditionContext, Input } from '../service.ts';
import type { Item } from './dynamodb-stream.ts';

// Which resources a DynamoDB call touches, and dynamodb:LeadingKeys (DynamoDB Developer Guide, "Using IAM policy conditions for
// fine-grained access control").

export interface TableKeys {
  readonly partitionKey: string;
  readonly keyNames: readonly string[];
  readonly indexPartitionKeys: ReadonlyMap<string, string>;
}

/** An attribute value as a condition sees it: its plain text. */
const plain = (value: unknown): string | undefined => {
  const [inner] = isRecord(value) ? Object.values(value) : [];
  return typeof inner === 'string' ? inner : undefined;
};

const leading = (keys: readonly (string | undefined)[]): ConditionContext => {
  const known = [...new Set(keys.filter((key) => key !== undefined))];
  return known.length > 0 ? { 'dynamodb:LeadingKeys': known } : {};
};

/** The partition key's value in a key condition such as `#pk = :pk AND sk > :sk`. */
function queriedKey(input: Input, partitionKey: string): string | undefined {
  const legacy = isRecord(input.KeyConditions) ? input.KeyConditions[partitionKey] : undefined;
  if (isRecord(legacy) && Array.isArray(legacy.AttributeValueList)) return plain(legacy.AttributeValueList[0]);
  const names = isRecord(input.ExpressionAttributeNames) ? input.ExpressionAttributeNames : {};
  const values = isRecord(input.ExpressionAttributeValues) ? input.ExpressionAttributeValues : {};
  for (const [, name, value] of (optionalText(input, 'KeyConditionExpression') ?? '').matchAll(/([#\w.-]+)\s*=\s*(:\w+)/g))
    if (name && value && (names[name] ?? name) === partitionKey) return plain(values[value]);
  return undefined;
}

/** Authorizations of a call on one table, or on one of its indexes. */
export function tableAccess(
  operation: string,
  input: Input,
  arnOf: (table: string) => string,
  keys: TableKeys | undefined,
): readonly Authorization[] {
  const table = arnOf(text(input, 'TableName'));
  const index = optionalText(input, 'IndexName');
  const partitionKey = (index && keys?.indexPartitionKeys.get(index)) ?? keys?.partitionKey ?? '';
  const item = isRecord(input.Key) ? input.Key : isRecord(input.Item) ? input.Item : undefined;
  const select = optionalText(input, 'Select');
  const returned = optionalText(input, 'ReturnValues');
  return [
    {
      action: `dynamodb:${operation}`,
      resource: index ? `${table}/index/${index}` : table,
      context: {
        ...leading([item ? plain(item[partitionKey]) : operation === 'Query' ? queriedKey(input, partitionKey) : undefined]),
        ...(select ? { 'dynamodb:Select': select } : {}),
        ...(returned ? { 'dynamodb:ReturnValues': returned } : {}),
      },
    },
  ];
}

/** The keys a BatchGetItem or BatchWriteItem names, by table. */
export function batchedKeys(input: Input, keysOf: (table: string) => TableKeys | undefined): Map<string, Item[]> {
  const found = new Map<string, Item[]>();
  for (const [table, asked] of Object.entries(isRecord(input.RequestItems) ? input.RequestItems : {})) {
    const entries: unknown[] = Array.isArray(asked) ? asked : isRecord(asked) && Array.isArray(asked.Keys) ? asked.Keys : [];
    const names = keysOf(table)?.keyNames ?? [];
    found.set(
      table,
      entries.filter(isRecord).map((entry) => {
        const put = isRecord(entry.PutRequest) ? entry.PutRequest.Item : undefined;
        const remove = isRecord(entry.DeleteRequest) ? entry.DeleteRequest.Key : undefined;
        const item = (put ?? remove ?? entry) as Item;
        return Object.fromEntries(names.flatMap((name) => (item[name] ? [[name, item[name]]] : []))) as Item;
      }),
    );
  }
  return found;
}

export function batchAccess(
  operation: string,
  input: Input,
  arnOf: (table: string) => string,
  keysOf: (table: string) => TableKeys | undefined,
): readonly Authorization[] {
  return [...batchedKeys(input, keysOf)].map(([table, keys]) => ({
    action: `dynamodb:${operation}`,
    resource: arnOf(table),
    context: leading(keys.map((key) => plain(key[keysOf(table)?.partitionKey ?? '']))),
  }));
}
