/** SQS as the functions use it: batches in, with one verdict a message, and batches out. */
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { ChangeMessageVisibilityBatchCommand, SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { chainOf, inChain } from './chain.ts';
import { eachLimited } from './dynamodb.ts';
import { InvalidEventError, RetryableError } from './errors.ts';
import type { Log } from './log.ts';

export interface QueueConsumer {
  readonly log: Log;
  /** Hides messages for so many seconds from now, and shows them again. */
  readonly postpone: Postpone;
  /** Of a FIFO queue, messages of one group are handled in order, one after the other. @default 'standard' */
  readonly queue?: 'standard' | 'fifo';
}

export type Postpone = (messages: readonly { readonly receiptHandle: string; readonly seconds: number }[]) => Promise<void>;

/**
 * Runs `handle` for every message of a batch, side by side; those of one group of a FIFO queue in order. A message whose handling throws
 * goes back to the queue, and with it what follows in its group; the others are done.
 *
 * A message that failed comes again after seconds, then more slowly, instead of after the queue's whole visibility timeout: who lost access
 * does not wait behind somebody else's conflict. One that no run can read goes on to the dead-letter queue at once.
 */
export async function eachMessage(
  event: SQSEvent,
  context: Context,
  { log, postpone, queue = 'standard' }: QueueConsumer,
  handle: (record: SQSRecord) => Promise<void>,
): Promise<SQSBatchResponse> {
  const unreadable = new Set<string>();
  const attempt = async (record: SQSRecord) => {
    try {
      await handle(record);
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      if (error instanceof InvalidEventError) unreadable.add(record.messageId);
      const { messageId, attributes } = record;
      log.error('MESSAGE_FAILED', { messageId, received: attributes.ApproximateReceiveCount, error: name, reason: message });
      throw error;
    }
  };
  const logged = (record: SQSRecord) => inChain(chainOf(record.body), () => attempt(record));
  const response = await (queue === 'fifo' ? eachGroup(event, logged) : eachRecord(event, context, logged));
  const failed = new Set(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
  const again = event.Records.filter(({ messageId }) => failed.has(messageId)).map(({ messageId, receiptHandle, attributes }) => ({
    receiptHandle,
    seconds: unreadable.has(messageId) ? 0 : secondsUntilRetry(Number(attributes.ApproximateReceiveCount)),
  }));
  if (again.length > 0) {
    // Without it they come back when the visibility timeout is over: later, but not lost.
    await postpone(again).catch((error: unknown) => log.warn('POSTPONE_FAILED', { messages: again.length, error: String(error) }));
  }
  return response;
}

/** A batch that failed as a whole is no failure of the function: every message says so for itself. */
const eachRecord = (event: SQSEvent, context: Context, handle: (record: SQSRecord) => Promise<void>): Promise<SQSBatchResponse> =>
  processPartialResponse(event, handle, new BatchProcessor(EventType.SQS), { context, throwOnFullBatchFailure: false });

/** Groups handled at once: a batch holds ten messages as a rule, and a target that is slow for one principal is none the less for others. */
const groupsAtOnce = 10;

/** Groups have nothing to do with each other; within one, a failed message holds back what follows. */
async function eachGroup(event: SQSEvent, handle: (record: SQSRecord) => Promise<void>): Promise<SQSBatchResponse> {
  const groups = new Map<string, SQSRecord[]>();
  for (const record of event.Records) {
    const id = record.attributes.MessageGroupId ?? record.messageId;
    groups.set(id, [...(groups.get(id) ?? []), record]);
  }
  const back = new Set<string>();
  await eachLimited([...groups.values()], groupsAtOnce, async (records) => {
    for (const [index, record] of records.entries()) {
      try {
        await handle(record);
      } catch {
        // `handle` has logged it.
        for (const { messageId } of records.slice(index)) back.add(messageId);
        return;
      }
    }
  });
  return { batchItemFailures: [...back].map((itemIdentifier) => ({ itemIdentifier })) };
}

/** 5, 10, 20, 40, 80 and then 120 seconds: with twenty receives, half an hour until the dead-letter queue. */
export const secondsUntilRetry = (received: number): number => Math.min(5 * 2 ** Math.max(0, received - 1), 120);

/** @throws when SQS refuses a message */
export function postponer(client: SQSClient, queueUrl: string): Postpone {
  return async (messages) => {
    let refused = 0;
    for (let from = 0; from < messages.length; from += batchEntries) {
      const Entries = messages
        .slice(from, from + batchEntries)
        .map(({ receiptHandle, seconds }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle, VisibilityTimeout: seconds }));
      const { Failed = [] } = await client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries }));
      refused += Failed.length;
    }
    if (refused > 0) throw new RetryableError(`the queue ${queueUrl} refused to postpone ${refused} of ${messages.length} messages`);
  };
}

/** Entries of one SendMessageBatch or ChangeMessageVisibilityBatch, SQS's limit. */
const batchEntries = 10;
/** One after the other, the 50,000 members of a group would take longer than the function may run, each time anew. */
const batchesAtOnce = 16;

/** A message as SendMessage takes it, but for the queue's URL; the ids are those of a FIFO queue. */
export interface MessageEntry {
  readonly MessageBody: string;
  readonly MessageGroupId?: string;
  readonly MessageDeduplicationId?: string;
}

/** Sends messages; a group's keep their order where they are sent one after the other. @throws RetryableError when SQS refused some: repeat all */
export async function sendEntries(client: SQSClient, queueUrl: string, entries: readonly MessageEntry[]): Promise<void> {
  const starts = Array.from({ length: Math.ceil(entries.length / batchEntries) }, (_, index) => index * batchEntries);
  await eachLimited(starts, batchesAtOnce, async (start) => {
    const Entries = entries.slice(start, start + batchEntries).map((entry, index) => ({ Id: String(index), ...entry }));
    const { Failed } = await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    if (Failed?.length)
      throw new RetryableError(`the queue ${queueUrl} refused ${Failed.length} of ${Entries.length} messages: they are sent again`);
  });
}

/** Sends bodies to a standard queue. @throws RetryableError when SQS refused some: repeat all */
export const sendAll = (client: SQSClient, queueUrl: string, bodies: readonly object[]): Promise<void> =>
  sendEntries(
    client,
    queueUrl,
    bodies.map((body) => ({ MessageBody: JSON.stringify(body) })),
  );
