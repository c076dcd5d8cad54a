/** Messages to the FIFO queue of a target's sync-roles. */
import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { eachLimited } from '../platform/dynamodb.ts';
import { RetryableError } from '../platform/errors.ts';
import { roleEntry } from './role-entry.ts';
import type { RoleMessage } from './role-message.ts';

/** Entries of one SendMessageBatch, SQS's limit. */
const batchEntries = 10;
const batchesAtOnce = 16;

/** Messages of one principal or role keep their order where they are sent one after the other. @throws RetryableError when SQS refused some: repeat all */
export async function sendRoleMessages(client: SQSClient, queueUrl: string, messages: readonly RoleMessage[]): Promise<void> {
  const starts = Array.from({ length: Math.ceil(messages.length / batchEntries) }, (_, index) => index * batchEntries);
  await eachLimited(starts, batchesAtOnce, async (start) => {
    const Entries = messages.slice(start, start + batchEntries).map((message, index) => ({ Id: String(index), ...roleEntry(message) }));
    const { Failed } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    if (Failed?.length)
      throw new RetryableError(`the queue ${queueUrl} refused ${Failed.length} of ${Entries.length} messages: they are sent again`);
  });
}
