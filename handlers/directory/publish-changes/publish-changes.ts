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
  readonly log: Log;
}

/**
 * Publishes what a batch of records means. Reports the first record that could not be handled: Lambda repeats from there, in order, and
 * hands a record that never succeeds to the dead-letter queue.
 */
export async function publishChanges(deps: PublishChangesDependencies, event: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> {
  const raised: AnyIdentityEvent[] = [];
  for (const record of event.Records) {
    try {
      raised.push(...identityEvents(image(record, 'OldImage'), image(record, 'NewImage')));
    } catch (error) {
      deps.log.error('RECORD_UNREADABLE', { sequenceNumber: record.dynamodb?.SequenceNumber, error: String(error) });
      if (raised.length > 0) await deps.publish(raised);
      return { batchItemFailures: [{ itemIdentifier: record.dynamodb?.SequenceNumber ?? '' }] };
    }
  }
  await deps.publish(raised);
  deps.log.info('CHANGES_PUBLISHED', { records: event.Records.length, events: raised.length, types: countTypes(raised) });
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
