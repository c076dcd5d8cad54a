/** From stream records of the directory table to events on the identity bus. */
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent } from 'aws-lambda';
import type { AnyIdentityEvent } from '../../events/identity-event.ts';
import type { Publish } from '../../platform/event-bus.ts';
import type { Log } from '../../platform/log.ts';
import { toRow } from '../dynamodb-mirror.ts';
import { identityEvents } from '../identity-events.ts';
import type { MirrorRow } from '../mirror.ts';

export interface PublishChangesDependencies {
  readonly publish: Publish;
  /** Keeps records that no run can read, where a person finds them. */
  readonly setAside: (records: readonly UnreadableRecord[]) => Promise<void>;
  readonly log: Log;
}

/** Which record it was. Its images stay in the stream, so that no queue holds what nobody can vouch for. */
export interface UnreadableRecord {
  readonly sequenceNumber: string | undefined;
  readonly eventSourceArn: string | undefined;
  readonly reason: string;
}

/**
 * Publishes what a batch of records means.
 *
 * A record that cannot be read (a row that somebody else wrote) is set aside and does not hold back the changes behind it. A failure of the
 * bus is thrown: Lambda repeats the batch, in order, for as long as the stream keeps it.
 */
export async function publishChanges(deps: PublishChangesDependencies, event: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> {
  const raised: AnyIdentityEvent[] = [];
  const unreadable: UnreadableRecord[] = [];
  for (const record of event.Records) {
    try {
      raised.push(...identityEvents(image(record, 'OldImage'), image(record, 'NewImage')));
    } catch (error) {
      unreadable.push({ sequenceNumber: record.dynamodb?.SequenceNumber, eventSourceArn: record.eventSourceARN, reason: String(error) });
    }
  }
  await deps.publish(raised);
  if (unreadable.length > 0) {
    deps.log.error('RECORDS_UNREADABLE', { records: unreadable });
    await deps.setAside(unreadable);
  }
  // Here a chain begins: what follows from the event carries its id in every line that is logged for it.
  for (const { id, type, domain, subject } of raised)
    deps.log.info('CHANGE_PUBLISHED', { type, domain, guid: subject.guid, correlationId: id });
  const actors = raised.filter(({ actor }) => actor !== undefined).length;
  deps.log.info('CHANGES_PUBLISHED', { records: event.Records.length, events: raised.length, actors, types: countTypes(raised) });
  return { batchItemFailures: [] };
}

function image(record: DynamoDBRecord, which: 'OldImage' | 'NewImage'): MirrorRow | undefined {
  const item = record.dynamodb?.[which];
  if (item === undefined) return undefined;
  const row = toRow(item as Parameters<typeof toRow>[0]);
  if (typeof row.pk !== 'string' || typeof row.sk !== 'string' || typeof row.domain !== 'string' || typeof row.revision !== 'number') {
    throw new TypeError(`not a row of the directory table: keys ${Object.keys(row).sort().join(', ')}`);
  }
  return row;
}

function countTypes(events: readonly AnyIdentityEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type } of events) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}
