/** The rotation ledger's contract, held by the one in DynamoDB and the one in memory. */
import { randomUUID } from 'node:crypto';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, test } from 'vitest';
import type { CredentialSettings } from '../../handlers/credentials/credential-settings.ts';
import { dynamoDbRotationLedger } from '../../handlers/credentials/dynamodb-rotation-ledger.ts';
import { newEntry, type RotationLedger, requestedVersion } from '../../handlers/credentials/rotation-ledger.ts';
import { toItem } from '../../handlers/platform/dynamodb.ts';
import { tableForTests } from '../platform/table-for-tests.ts';
import { memoryRotationLedger } from './memory-rotation-ledger.ts';

const settings = (name: string): CredentialSettings => ({
  name,
  store: { vault: { path: `teams/${name}` } },
  strategy: { kind: 'single', account: name },
  everyDays: 30,
  password: { length: 32, alphabet: 'safe' },
  test: { reads: [], replicates: false },
  replicationSeconds: 60,
});

/** Each a table of its own, with the settings as Terraform writes them. */
async function inDynamoDb(all: readonly CredentialSettings[], more: readonly string[] = []): Promise<RotationLedger> {
  const table = `credentials-${randomUUID()}`;
  const client = await tableForTests(table, 'sk');
  const items = [
    ...all.map((one) => [one.name, JSON.stringify(one)] as const),
    ...more.map((text, index) => [`more-${index}`, text] as const),
  ];
  for (const [sk, text] of items)
    await client.send(new PutItemCommand({ TableName: table, Item: toItem({ pk: 'settings', sk, settings: text }) }));
  return dynamoDbRotationLedger(client, table);
}

const ledgers: readonly [string, (all: readonly CredentialSettings[]) => Promise<RotationLedger>][] = [
  ['in DynamoDB', (all) => inDynamoDb(all)],
  ['in memory', async (all) => memoryRotationLedger(all)],
];

describe.each(ledgers)('the rotation ledger %s', (_, make) => {
  test('GIVEN a credential that nothing was noted of THEN its entry is new', async () => {
    expect(await (await make([])).read('billing')).toEqual(newEntry('billing'));
  });

  test('WHEN an entry is written THEN it is read so, and others are as they were', async () => {
    const ledger = await make([]);
    const entry = { ...newEntry('billing'), version: 1, since: '2026-11-30T00:00:00.000Z', known: { guid: '2026-11-29T00:00:00.000Z' } };
    await ledger.write(entry);
    expect(await ledger.read('billing')).toEqual(entry);
    expect(await ledger.read('other')).toEqual(newEntry('other'));
    await ledger.write({ ...entry, version: 2, since: undefined });
    expect((await ledger.read('billing')).since).toBeUndefined();
  });

  test('fails WHEN another run wrote it meanwhile, and keeps what that wrote', async () => {
    const ledger = await make([]);
    await ledger.write({ ...newEntry('billing'), version: 1 });
    await ledger.write({ ...newEntry('billing'), version: 2, failure: 'a' });
    await expect(ledger.write({ ...newEntry('billing'), version: 2, failure: 'b' })).rejects.toThrow(/another run/);
    expect(await ledger.read('billing')).toMatchObject({ version: 2, failure: 'a' });
  });

  test('WHEN settings are asked for THEN all come', async () => {
    const all = Array.from({ length: 30 }, (__, index) => settings(`account-${String(index).padStart(2, '0')}`));
    expect(await (await make(all)).settings()).toEqual(all);
  });
});

test.each([
  ['no JSON', 'no', /not the settings of a credential/],
  ['a wrong name', JSON.stringify({ ...settings('billing'), name: 'Billing' }), /name: /],
  [
    'an account name that AD would not take',
    JSON.stringify({ ...settings('billing'), strategy: { kind: 'single', account: 'a'.repeat(21) } }),
    /strategy/,
  ],
])('fails WHEN settings are %s, and says what is wrong', async (_, text, reason) => {
  const ledger = await inDynamoDb([settings('a')], [text]);
  await expect(ledger.settings()).rejects.toThrow(reason);
});

test('GIVEN one reason THEN its version is always the same, a UUID as Secrets Manager takes it', () => {
  expect(requestedVersion('billing', 'event-1')).toBe(requestedVersion('billing', 'event-1'));
  expect(requestedVersion('billing', 'event-1')).not.toBe(requestedVersion('billing', 'event-2'));
  expect(requestedVersion('billing', 'event-1')).toMatch(/^[0-9a-f-]{36}$/);
});
