/** Publishing identity events to the bus. */
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { type AnyIdentityEvent, toEntry } from '../events/identity-event.ts';
import { RetryableError } from './errors.ts';

/** Publishes events, in order of the list as far as EventBridge keeps one. @throws RetryableError when the bus refused some: repeat all */
export type Publish = (events: readonly AnyIdentityEvent[]) => Promise<void>;

/** Entries of one PutEvents, and bytes of all of them together: EventBridge's limits ("Calculating Amazon EventBridge PutEvents event entry size"). */
const batchEntries = 10;
const batchBytes = 256 * 1024;

export function eventBusPublisher(client: EventBridgeClient, bus: string): Publish {
  return async (events) => {
    for (const batch of batches(events.map((event) => ({ ...toEntry(event), EventBusName: bus })))) {
      const { FailedEntryCount, Entries } = await client.send(new PutEventsCommand({ Entries: [...batch] }));
      if (!FailedEntryCount) continue;
      const refused = (Entries ?? []).flatMap((entry, index) =>
        entry.ErrorCode ? [`${batch[index]?.DetailType} ${entry.ErrorCode}`] : [],
      );
      throw new RetryableError(
        `the bus ${bus} refused ${FailedEntryCount} of ${batch.length} events (${refused.join(', ')}): they are sent again`,
      );
    }
  };
}

type Entry = ReturnType<typeof toEntry> & { readonly EventBusName: string };

/** An entry's time counts 14 bytes. */
const sizeOf = ({ Source, DetailType, Detail }: Entry): number =>
  14 + Buffer.byteLength(Source) + Buffer.byteLength(DetailType) + Buffer.byteLength(Detail);

function* batches(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let batch: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = sizeOf(entry);
    if (batch.length === batchEntries || (batch.length > 0 && bytes + size >= batchBytes)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(entry);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}
