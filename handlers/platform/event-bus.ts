/** Publishing identity events to the bus. */
import { type EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { type AnyIdentityEvent, toEntry } from '../events/identity-event.ts';
import { RetryableError } from './errors.ts';

/** Publishes events, in order of the list as far as EventBridge keeps one. @throws RetryableError when the bus refused some: repeat all */
export type Publish = (events: readonly AnyIdentityEvent[]) => Promise<void>;

/** Entries of one PutEvents, EventBridge's limit. */
const batchEntries = 10;

export function eventBusPublisher(client: EventBridgeClient, bus: string): Publish {
  return async (events) => {
    for (let start = 0; start < events.length; start += batchEntries) {
      const batch = events.slice(start, start + batchEntries);
      const { FailedEntryCount, Entries } = await client.send(
        new PutEventsCommand({ Entries: batch.map((event) => ({ ...toEntry(event), EventBusName: bus })) }),
      );
      if (!FailedEntryCount) continue;
      const refused = (Entries ?? []).flatMap((entry, index) => (entry.ErrorCode ? [`${batch[index]?.type} ${entry.ErrorCode}`] : []));
      throw new RetryableError(
        `the bus ${bus} refused ${FailedEntryCount} of ${batch.length} events (${refused.join(', ')}): they are sent again`,
      );
    }
  };
}
