/** Stream records to events on the bus. */
import type { DynamoDBRecord } from 'aws-lambda';
import { describe, expect, test } from 'vitest';
import type { MirrorRow } from '../../handlers/directory/mirror.ts';
import { publishChanges, type UnreadableRecord } from '../../handlers/directory/publish-changes/publish-changes.ts';
import type { AnyIdentityEvent } from '../../handlers/events/identity-event.ts';
import { toItem } from '../../handlers/platform/dynamodb.ts';
import { RetryableError } from '../../handlers/platform/errors.ts';
import { detectedAt, edgeRow, groupObject, guidOf, objectRow, userObject } from './rows.ts';

const ada = objectRow(userObject(1, 'Ada'));
const disabled = objectRow(userObject(1, 'Ada', { userAccountControl: ['514'] }), { revision: 2 });
const membership = edgeRow(groupObject(10, 'Staff'), userObject(1, 'Ada'));

const record = (sequence: string, before: MirrorRow | undefined, after: MirrorRow | undefined): DynamoDBRecord =>
  ({
    dynamodb: {
      SequenceNumber: sequence,
      ...(before ? { OldImage: toItem(before) } : {}),
      ...(after ? { NewImage: toItem(after) } : {}),
    },
  }) as DynamoDBRecord;

function deps(publish?: (events: readonly AnyIdentityEvent[]) => Promise<void>) {
  const published: AnyIdentityEvent[] = [];
  const codes: string[] = [];
  const aside: UnreadableRecord[] = [];
  const write = (code: string, fields: object = {}) => void codes.push(`${code} ${JSON.stringify(fields)}`);
  return {
    published,
    aside,
    codes,
    setAside: async (records: readonly UnreadableRecord[]) => void aside.push(...records),
    publish: publish ?? (async (events: readonly AnyIdentityEvent[]) => void published.push(...events)),
    log: { info: write, warn: write, error: write },
  };
}

describe('GIVEN a batch of stream records', () => {
  test('WHEN all can be read THEN their events are published in the order of the records', async () => {
    const bus = deps();
    const Records = [
      record('1', undefined, ada),
      record('2', undefined, membership),
      record('3', ada, disabled),
      record('4', disabled, undefined),
    ];
    expect(await publishChanges(bus, { Records })).toEqual({ batchItemFailures: [] });
    expect(bus.published.map(({ type }) => type)).toEqual(['UserCreated', 'GroupMemberAdded', 'UserDisabled']);
  });

  test('WHEN it is delivered again THEN the same events carry the same ids (invariant 2)', async () => {
    const bus = deps();
    const Records = [record('1', undefined, ada), record('2', ada, disabled)];
    await publishChanges(bus, { Records });
    await publishChanges(bus, { Records });
    expect(bus.published.slice(2)).toEqual(bus.published.slice(0, 2));
  });

  test.each([
    ['the cursor, which the filter should have dropped', { pk: { S: 'corp.example.com#cursor' }, sk: { S: 'cursor' }, fence: { N: '1' } }],
    ['a note of a full sync', { pk: { S: 'corp.example.com#seen#run' }, sk: { S: 'seen#1' }, expiresAt: { N: '1' } }],
    ['no row at all', {}],
    ['a name that is none', toItem({ ...disabled, dn: 'no name' })],
  ])('fails for a record that holds %s: it is set aside, and the others are published all the same', async (_, NewImage) => {
    const bus = deps();
    const unreadable = { eventSourceARN: 'arn:stream', dynamodb: { SequenceNumber: '2', OldImage: toItem(ada), NewImage } };
    const Records = [record('1', undefined, ada), unreadable as unknown as DynamoDBRecord, record('3', undefined, membership)];
    expect(await publishChanges(bus, { Records })).toEqual({ batchItemFailures: [] });
    expect(bus.published.map(({ type }) => type)).toEqual(['UserCreated', 'GroupMemberAdded']);
    expect(bus.aside).toEqual([{ sequenceNumber: '2', eventSourceArn: 'arn:stream', reason: expect.stringMatching(/Error: not a/) }]);
    expect(bus.codes[0]).toContain('RECORDS_UNREADABLE');
  });

  test('fails as a whole when an unreadable record cannot be set aside: nothing of the batch counts as done', async () => {
    const bus = { ...deps(), setAside: () => Promise.reject(new RetryableError('the queue refused')) };
    const unreadable = { dynamodb: { SequenceNumber: '2', NewImage: {} } } as unknown as DynamoDBRecord;
    await expect(publishChanges(bus, { Records: [unreadable] })).rejects.toThrow(RetryableError);
  });

  test('fails as a whole when the bus refuses: nothing of the batch counts as done', async () => {
    const refusing = deps(async () => {
      throw new RetryableError('the bus identity refused 1 of 1 events');
    });
    await expect(publishChanges(refusing, { Records: [record('1', undefined, ada)] })).rejects.toThrow(RetryableError);
    const unreadable = { dynamodb: { SequenceNumber: '2', NewImage: {} } } as unknown as DynamoDBRecord;
    await expect(publishChanges(refusing, { Records: [record('1', undefined, ada), unreadable] })).rejects.toThrow(RetryableError);
  });

  test('GIVEN what the Security log said WHEN its change is published THEN the event names the actor, and the log counts it', async () => {
    const bus = deps();
    const actor = { sid: 'S-1-5-21-1-2-3-500', name: 'CORP\\administrator' };
    const seen = { subject: guidOf(1), at: detectedAt, actor, computer: 'dc1.corp.example.com', recordId: '7' };
    const Records = [record('1', ada, { ...disabled, hints: [{ ...seen, action: 'disabled' }] }), record('2', undefined, membership)];
    await publishChanges(bus, { Records });
    expect(bus.published.map(({ type, actor }) => [type, actor])).toEqual([
      ['UserDisabled', actor],
      ['GroupMemberAdded', undefined],
    ]);
    expect(bus.codes.at(-1)).toBe('CHANGES_PUBLISHED {"records":2,"events":2,"actors":1,"types":{"UserDisabled":1,"GroupMemberAdded":1}}');
  });

  test('WHEN its events are published THEN a line each begins the chain that their ids name', async () => {
    const bus = deps();
    await publishChanges(bus, { Records: [record('1', undefined, ada)] });
    const correlationId = bus.published[0]?.id;
    const line = { type: 'UserCreated', domain: 'corp.example.com', guid: guidOf(1), correlationId };
    expect(bus.codes[0]).toBe(`CHANGE_PUBLISHED ${JSON.stringify(line)}`);
  });

  test('WHEN no record means anything THEN the log says so in counts, not in names', async () => {
    const bus = deps();
    await publishChanges(bus, { Records: [record('1', ada, { ...ada, revision: 2 })] });
    expect(bus.published).toEqual([]);
    expect(bus.codes).toEqual(['CHANGES_PUBLISHED {"records":1,"events":0,"actors":0,"types":{}}']);
  });
});
