/** When everybody is to be looked at anew. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { dynamoDbRevalidations } from '../../handlers/access/dynamodb-revalidations.ts';
import { isDue, type RevalidationContext } from '../../handlers/access/revalidation.ts';
import { clientOf, endpointForTests } from '../sandbox/aws/endpoint-fixture.ts';

const at = '2025-03-01T10:00:00.000Z';
const state = { at, digest: 'a' };
const later = (ms: number) => new Date(Date.parse(at) + ms);
const context = (change: Partial<RevalidationContext> = {}): RevalidationContext => ({
  now: later(60_000),
  digest: 'a',
  mappings: [],
  everyHours: 24,
  ...change,
});

describe('a revalidation is due', () => {
  const soon = '2025-03-01T10:00:30Z';
  test.each<[string, ReturnType<typeof isDue>, Parameters<typeof isDue>]>([
    ['there was none', 'first', [undefined, context()]],
    ['the configuration is another', 'configuration', [state, context({ digest: 'b' })]],
    ['a mapping began', 'validity', [state, context({ mappings: [{}, { valid: { from: soon } }] })]],
    ['a mapping ended', 'validity', [state, context({ mappings: [{ valid: { from: '2020-01-01T00:00:00Z', until: soon } }] })]],
    ['the hours have passed', 'interval', [state, context({ now: later(24 * 3_600_000) })]],
    ['a new configuration has settled', 'settled', [{ ...state, since: at }, context({ now: later(120_000) })]],
    ['it has nearly settled', undefined, [{ ...state, since: at }, context({ now: later(119_999) })]],
    ['it had settled before the last', undefined, [{ ...state, since: later(-120_000).toISOString() }, context()]],
    ['nothing happened', undefined, [state, context()]],
    ['a mapping is to begin', undefined, [state, context({ mappings: [{ valid: { from: '2025-03-01T10:01:00Z' } }] })]],
    ['a mapping began before the last', undefined, [state, context({ mappings: [{ valid: { from: '2025-03-01T09:59:00Z' } }] })]],
    ['the hours have nearly passed', undefined, [state, context({ now: later(24 * 3_600_000 - 1) })]],
  ])('WHEN %s: %s', (_, due, parameters) => {
    expect(isDue(...parameters)).toBe(due);
  });

  test('THEN every beginning and end is followed by one, after its time for all clocks, however often it is asked', () => {
    const minutes = fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: -60_000, max: 1_000_000 }), minutes, (time, pauses) => {
        const mappings = [{ valid: { from: later(time).toISOString() } }];
        const ordered: number[] = [];
        let [last, now] = [state, 0];
        for (const pause of [...pauses, 1_100_000]) {
          now += pause;
          if (isDue(last, context({ now: later(now), mappings })) !== 'validity') continue;
          last = { ...last, at: later(now).toISOString() };
          ordered.push(now);
        }
        // What began five seconds before the last one, or earlier, was seen by it.
        expect(ordered).toHaveLength(time > -5_000 ? 1 : 0);
        for (const moment of ordered) expect(moment - time).toBeGreaterThanOrEqual(5_000);
      }),
    );
  });
});

describe('what is remembered, in DynamoDB', async () => {
  const endpoint = await endpointForTests();
  const client = new DynamoDBClient(clientOf(endpoint));
  afterAll(() => client.destroy());

  test('THEN it is what was written last', async () => {
    await endpoint.call('operator', 'dynamodb', 'CreateTable', {
      TableName: 'grants',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: ['pk', 'sk'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
    });
    const revalidations = dynamoDbRevalidations(client, 'grants');
    expect(await revalidations.read()).toBeUndefined();
    await revalidations.write(state);
    expect(await revalidations.read()).toEqual(state);
    await revalidations.write({ ...state, digest: 'b' });
    expect(await revalidations.read()).toEqual({ at, digest: 'b' });
  });
});
