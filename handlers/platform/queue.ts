/** SQS as the functions use it: batches in, with one verdict a message, and batches out. */
import { BatchProcessor, EventType, processPartialResponse, SqsFifoPartialProcessorAsync } from '@aws-lambda-powertools/batch';
import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { RetryableError } from './errors.ts';
import type { Log } from './log.ts';

/**
 * Runs `handle` for every message of a batch, side by side; in order, for a FIFO queue. A message whose handling throws goes back to the
 * queue, the others are done.
 */
export async function eachMessage(
  event: SQSEvent,
  context: Context,
  log: Log,
  handle: (record: SQSRecord) => Promise<void>,
  queue: 'standard' | 'fifo' = 'standard',
): Promise<SQSBatchResponse> {
  const logged = async (record: SQSRecord) => {
    try {
      await handle(record);
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      log.error('MESSAGE_FAILED', {
        messageId: record.messageId,
        received: record.attributes.ApproximateReceiveCount,
        error: name,
        reason: message,
      });
      throw error;
    }
  };
  // A batch that failed as a whole is no failure of the function: every message says so for itself.
  const options = { context, throwOnFullBatchFailure: false };
  return queue === 'fifo'
    ? // A failed message holds back its own group only.
      await processPartialResponse(event, logged, new SqsFifoPartialProcessorAsync(), { ...options, skipGroupOnError: true })
    : await processPartialResponse(event, logged, new BatchProcessor(EventType.SQS), options);
}

/** Entries of one SendMessageBatch, SQS's limit. */
const batchEntries = 10;

/** Sends bodies to a standard queue. @throws RetryableError when SQS refused some: repeat all */
export async function sendAll(client: SQSClient, queueUrl: string, bodies: readonly object[]): Promise<void> {
  for (let start = 0; start < bodies.length; start += batchEntries) {
    const Entries = bodies
      .slice(start, start + batchEntries)
      .map((body, index) => ({ Id: String(index), MessageBody: JSON.stringify(body) }));
    const { Failed } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    if (Failed?.length)
      throw new RetryableError(`the queue ${queueUrl} refused ${Failed.length} of ${Entries.length} messages: they are sent again`);
  }
}
