import { createHash } from 'node:crypto';
import { AwsError } from '../error.ts';
import { limit, optionalNumber, optionalText, page, records, text, textMap, texts } from '../input.ts';
import { resourcePolicy } from '../resource-policy.ts';
import type { Authorization, Caller, Input, Operation, Output, Service, Surroundings } from '../service.ts';
import { keyUse } from './kms-use.ts';
import { attributesMd5, md5, messageSize, readAttributes } from './sqs-message.ts';
import { type Message, MessageStore, type ReceiveRequest } from './sqs-queue.ts';

// Amazon SQS, JSON protocol. Limits and errors: SQS API Reference and "Amazon SQS message quotas".

interface Queue {
  readonly name: string;
  readonly arn: string;
  readonly url: string;
  readonly fifo: boolean;
  readonly createdAt: number;
  attributes: Record<string, string>;
  readonly tags: Record<string, string>;
  readonly store: MessageStore;
}

const maximumMessageSize = 1_048_576;

const defaults: Readonly<Record<string, string>> = {
  VisibilityTimeout: '30',
  MaximumMessageSize: String(maximumMessageSize),
  MessageRetentionPeriod: '345600',
  DelaySeconds: '0',
  ReceiveMessageWaitTimeSeconds: '0',
  SqsManagedSseEnabled: 'true',
};

const settable = new Set([
  ...Object.keys(defaults),
  'Policy',
  'RedrivePolicy',
  'RedriveAllowPolicy',
  'FifoQueue',
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'FifoThroughputLimit',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
]);

const invalid = (message: string, code = 'InvalidParameterValue'): AwsError => new AwsError(code, message);

export function sqs(surroundings: Surroundings): Service {
  const { region, account } = surroundings;
  const queues = new Map<string, Queue>();
  /** Message move tasks, latest first. */
  const moves: Output[] = [];
  const arnOf = (name: string): string => `arn:aws:sqs:${region}:${account}:${name}`;

  /** Queue URL or, as the CLI and SDK also send it, the name alone. */
  const nameOf = (input: Input): string => text(input, 'QueueUrl').split('/').at(-1) ?? '';

  const queueNamed = (name: string): Queue => {
    const queue = queues.get(name);
    if (!queue) throw new AwsError('QueueDoesNotExist', `The specified queue does not exist: ${name}`);
    return queue;
  };
  const queueOf = (input: Input): Queue => queueNamed(nameOf(input));

  const policyOf = (queue: Queue | undefined): Pick<Authorization, 'resourcePolicy'> =>
    resourcePolicy(`queue ${queue?.name}`, queue?.attributes.Policy);

  const onQueue =
    (action: string, name: (input: Input) => string, ...keyActions: string[]) =>
    (input: Input): readonly Authorization[] => {
      const queue = queues.get(name(input));
      const resource = arnOf(name(input));
      return [
        { action: `sqs:${action}`, resource, ...policyOf(queue) },
        ...keyUse(surroundings, queue?.attributes.KmsMasterKeyId, 'sqs', keyActions, { 'kms:EncryptionContext:aws:sqs:arn': resource }),
      ];
    };

  const operation = (action: string, run: Operation['run'], ...keyActions: string[]): Operation => ({
    authorize: onQueue(action, nameOf, ...keyActions),
    run,
  });
  const named = (action: string, run: Operation['run']): Operation => ({
    authorize: onQueue(action, (input) => text(input, 'QueueName')),
    run,
  });

  function checkAttributes(attributes: Record<string, string>): void {
    for (const [name, value] of Object.entries(attributes)) {
      if (!settable.has(name)) throw invalid(`Unknown Attribute ${name}.`, 'InvalidAttributeName');
      if (name === 'Policy' || name === 'RedrivePolicy') {
        try {
          if (value !== '') JSON.parse(value);
        } catch {
          throw invalid(`Value ${value} for parameter ${name} is invalid. Reason: it is not JSON.`);
        }
      }
    }
  }

  function senderId(caller: Caller): string {
    if (caller === 'operator') return account;
    return 'service' in caller
      ? caller.service
      : `AROA${createHash('md5').update(caller.roleArn).digest('hex').slice(0, 16).toUpperCase()}:${caller.sessionName}`;
  }

  function deduplicationId(queue: Queue, entry: Input, body: string): string {
    const given = optionalText(entry, 'MessageDeduplicationId');
    if (given !== undefined) return given;
    if (queue.attributes.ContentBasedDeduplication === 'true') return createHash('sha256').update(body).digest('hex');
    throw invalid('The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly');
  }

  function send(queue: Queue, entry: Input, caller: Caller): Output {
    const body = text(entry, 'MessageBody');
    const attributes = readAttributes(entry.MessageAttributes);
    const size = Number(queue.attributes.MaximumMessageSize ?? maximumMessageSize);
    if (messageSize(body, attributes) > size)
      throw invalid(`One or more parameters are invalid. Reason: Message must be shorter than ${size} bytes.`);
    if (/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(body))
      throw invalid(
        'Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF',
        'InvalidMessageContents',
      );
    const groupId = optionalText(entry, 'MessageGroupId');
    const delay = optionalNumber(entry, 'DelaySeconds');
    if (queue.fifo && !groupId) throw new AwsError('MissingParameter', 'The request must contain the parameter MessageGroupId.');
    if (queue.fifo && delay)
      throw invalid(
        `Value ${delay} for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.`,
      );
    if (!queue.fifo && optionalText(entry, 'MessageDeduplicationId') !== undefined)
      throw invalid(
        'Value for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.',
      );
    if (delay !== undefined && (delay < 0 || delay > 900))
      throw invalid(`Value ${delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.`);
    const trace = (entry.MessageSystemAttributes as Record<string, { StringValue?: string }> | undefined)?.AWSTraceHeader?.StringValue;
    const message = queue.store.send(
      {
        body,
        attributes,
        senderId: senderId(caller),
        ...(groupId === undefined ? {} : { groupId }),
        ...(queue.fifo ? { deduplicationId: deduplicationId(queue, entry, body) } : {}),
        ...(trace === undefined ? {} : { traceHeader: trace }),
      },
      (delay ?? Number(queue.attributes.DelaySeconds ?? 0)) * 1000,
    );
    const ofAttributes = attributesMd5(attributes);
    return {
      MessageId: message.id,
      MD5OfMessageBody: md5(body),
      ...(ofAttributes ? { MD5OfMessageAttributes: ofAttributes } : {}),
      ...(message.sequenceNumber ? { SequenceNumber: message.sequenceNumber } : {}),
    };
  }

  /** Runs each entry of a batch alone: a bad one fails alone (SendMessageBatch, DeleteMessageBatch, ChangeMessageVisibilityBatch). */
  function batch(input: Input, one: (entry: Input) => Output): Output {
    const entries = records(input, 'Entries');
    if (entries.length === 0) throw new AwsError('EmptyBatchRequest', "The batch request doesn't contain any entries.");
    if (entries.length > 10)
      throw new AwsError('TooManyEntriesInBatchRequest', `Maximum number of entries per request are 10. You have sent ${entries.length}.`);
    if (new Set(entries.map((entry) => entry.Id)).size < entries.length)
      throw new AwsError('BatchEntryIdsNotDistinct', 'Id of a batch entry is not distinct.');
    const successful: Output[] = [];
    const failed: Output[] = [];
    for (const entry of entries) {
      const id = text(entry, 'Id');
      try {
        successful.push({ Id: id, ...one(entry) });
      } catch (error) {
        if (!(error instanceof AwsError)) throw error;
        failed.push({ Id: id, SenderFault: error.status < 500, Code: error.code, Message: error.message });
      }
    }
    return { Successful: successful, Failed: failed };
  }

  function sendBatch(input: Input, caller: Caller): Output {
    const queue = queueOf(input);
    const total = records(input, 'Entries').reduce(
      (size, entry) => size + messageSize(String(entry.MessageBody ?? ''), readAttributes(entry.MessageAttributes)),
      0,
    );
    if (total > maximumMessageSize)
      throw new AwsError(
        'BatchRequestTooLong',
        `Batch requests cannot be longer than ${maximumMessageSize} bytes. You have sent ${total} bytes.`,
      );
    return batch(input, (entry) => send(queue, entry, caller));
  }

  function shown(message: Message, input: Input): Output {
    const wanted = new Set([...texts(input, 'AttributeNames'), ...texts(input, 'MessageSystemAttributeNames')]);
    const names = texts(input, 'MessageAttributeNames');
    const system: Record<string, string | undefined> = {
      SenderId: message.senderId,
      SentTimestamp: String(message.sentAt),
      ApproximateReceiveCount: String(message.receiveCount),
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt ?? Date.now()),
      MessageGroupId: message.groupId,
      MessageDeduplicationId: message.deduplicationId,
      SequenceNumber: message.sequenceNumber,
      AWSTraceHeader: message.traceHeader,
      DeadLetterQueueSourceArn: message.deadLetterSourceArn,
    };
    const attributes = Object.fromEntries(
      Object.entries(system).filter(([name, value]) => value !== undefined && (wanted.has('All') || wanted.has(name))),
    );
    const asked = Object.fromEntries(
      Object.entries(message.attributes).filter(([name]) =>
        names.some((pattern) => pattern === 'All' || pattern === name || (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -1)))),
      ),
    );
    const ofAttributes = attributesMd5(asked);
    return {
      MessageId: message.id,
      ReceiptHandle: message.receiptHandle,
      Body: message.body,
      MD5OfBody: md5(message.body),
      ...(Object.keys(attributes).length > 0 ? { Attributes: attributes } : {}),
      ...(ofAttributes ? { MessageAttributes: asked, MD5OfMessageAttributes: ofAttributes } : {}),
    };
  }

  /** A message stays where it is while its dead-letter queue does not exist. */
  function redriveOf(queue: Queue): ReceiveRequest['redrive'] {
    if (!queue.attributes.RedrivePolicy) return undefined;
    const policy = JSON.parse(queue.attributes.RedrivePolicy) as { deadLetterTargetArn: string; maxReceiveCount: number | string };
    const dead = queues.get(policy.deadLetterTargetArn.split(':').at(-1) ?? '');
    return dead && { maxReceiveCount: Number(policy.maxReceiveCount), move: (message) => dead.store.adopt(message, queue.arn) };
  }

  async function receive(input: Input): Promise<Output> {
    const queue = queueOf(input);
    queue.store.expire(Number(queue.attributes.MessageRetentionPeriod) * 1000);
    const redrive = redriveOf(queue);
    const messages = await queue.store.receive({
      maximum: limit(input, 'MaxNumberOfMessages', 1, 10, 1),
      // Read when a message is taken: a long poll may have begun before the queue's attribute changed.
      visibilityMs: () => limit(input, 'VisibilityTimeout', 0, 43_200, Number(queue.attributes.VisibilityTimeout)) * 1000,
      waitMs: limit(input, 'WaitTimeSeconds', 0, 20, Number(queue.attributes.ReceiveMessageWaitTimeSeconds)) * 1000,
      ...(redrive ? { redrive } : {}),
    });
    return messages.length === 0 ? {} : { Messages: messages.map((message) => shown(message, input)) };
  }

  function changeVisibility(queue: Queue, entry: Input): Output {
    const message = queue.store.inFlight(text(entry, 'ReceiptHandle'));
    if (!message) throw new AwsError('MessageNotInflight', 'The specified message is not in flight.');
    queue.store.changeVisibility(message, limit(entry, 'VisibilityTimeout', 0, 43_200, 30) * 1000);
    return {};
  }

  function remove(queue: Queue, entry: Input): Output {
    queue.store.delete(text(entry, 'ReceiptHandle'));
    return {};
  }

  function create(input: Input): Output {
    const name = text(input, 'QueueName');
    const attributes = textMap(input, 'Attributes');
    checkAttributes(attributes);
    const fifo = attributes.FifoQueue === 'true';
    if (!/^[A-Za-z0-9_-]{1,80}$/.test(fifo ? name.replace(/\.fifo$/, '') : name) || fifo !== name.endsWith('.fifo'))
      throw invalid(
        `Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length; a FIFO queue's name ends in .fifo: ${name}`,
      );
    const existing = queues.get(name);
    if (existing) {
      const differs = Object.keys(attributes).find((key) => existing.attributes[key] !== attributes[key]);
      if (differs)
        throw new AwsError('QueueNameExists', `A queue already exists with the same name and a different value for attribute ${differs}`);
      return { QueueUrl: existing.url };
    }
    const url = `${surroundings.url()}/${account}/${name}`;
    queues.set(name, {
      name,
      arn: arnOf(name),
      url,
      fifo,
      createdAt: Date.now(),
      attributes: { ...defaults, ...(attributes.KmsMasterKeyId ? { SqsManagedSseEnabled: 'false' } : {}), ...attributes },
      tags: textMap(input, 'tags'),
      store: new MessageStore(fifo),
    });
    return { QueueUrl: url };
  }

  function attributesOf(input: Input): Output {
    const queue = queueOf(input);
    const wanted = new Set(texts(input, 'AttributeNames'));
    const { visible, inFlight, delayed } = queue.store.counts();
    const all: Record<string, string> = {
      ...queue.attributes,
      QueueArn: queue.arn,
      ApproximateNumberOfMessages: String(visible),
      ApproximateNumberOfMessagesNotVisible: String(inFlight),
      ApproximateNumberOfMessagesDelayed: String(delayed),
      CreatedTimestamp: String(Math.floor(queue.createdAt / 1000)),
      LastModifiedTimestamp: String(Math.floor(queue.createdAt / 1000)),
    };
    for (const name of wanted)
      if (name !== 'All' && !(name in all) && !settable.has(name)) throw invalid(`Unknown Attribute ${name}.`, 'InvalidAttributeName');
    const shownAttributes = Object.entries(all).filter(([name]) => wanted.has('All') || wanted.has(name));
    return shownAttributes.length > 0 ? { Attributes: Object.fromEntries(shownAttributes) } : {};
  }

  const queueOfArn = (arn: string): Queue => queueNamed(arn.split(':').at(-1) ?? '');
  const isDeadLetterQueue = ({ arn }: Queue): boolean =>
    [...queues.values()].some(({ attributes }) => attributes.RedrivePolicy?.includes(`"${arn}"`));

  /** Moves all at once; real tasks take their time. */
  function startMove(input: Input): Output {
    const source = queueOfArn(text(input, 'SourceArn'));
    if (!isDeadLetterQueue(source)) throw invalid('Source queue must be configured as a Dead Letter Queue.');
    const given = optionalText(input, 'DestinationArn');
    const destination = given === undefined ? undefined : queueOfArn(given);
    const started = Date.now();
    const moved = source.store.giveUp(
      ({ deadLetterSourceArn }) =>
        (destination ?? (deadLetterSourceArn === undefined ? undefined : queueOfArn(deadLetterSourceArn)))?.store,
    );
    moves.unshift({ Status: 'COMPLETED', SourceArn: source.arn, ApproximateNumberOfMessagesMoved: moved, StartedTimestamp: started });
    return { TaskHandle: Buffer.from(`${source.arn}/${started}`).toString('base64') };
  }

  const onSource = (action: string, ...more: string[]) => {
    return (input: Input): readonly Authorization[] =>
      [action, ...more].flatMap((one) => onQueue(one, () => text(input, 'SourceArn').split(':').at(-1) ?? '')(input));
  };

  function list(input: Input): Output {
    const prefix = optionalText(input, 'QueueNamePrefix') ?? '';
    const urls = [...queues.values()].filter((queue) => queue.name.startsWith(prefix)).map((queue) => queue.url);
    const { items, nextToken } = page(urls, optionalText(input, 'NextToken'), limit(input, 'MaxResults', 1, 1000, 1000));
    return { ...(items.length > 0 ? { QueueUrls: items } : {}), ...(nextToken ? { NextToken: nextToken } : {}) };
  }

  return {
    name: 'sqs',
    operations: {
      CreateQueue: named('CreateQueue', create),
      GetQueueUrl: named('GetQueueUrl', (input) => ({ QueueUrl: queueNamed(text(input, 'QueueName')).url })),
      ListQueues: { authorize: () => [{ action: 'sqs:ListQueues', resource: '*' }], run: list },
      GetQueueAttributes: operation('GetQueueAttributes', attributesOf),
      SetQueueAttributes: operation('SetQueueAttributes', (input) => {
        const queue = queueOf(input);
        const attributes = textMap(input, 'Attributes');
        checkAttributes(attributes);
        queue.attributes = { ...queue.attributes, ...attributes };
        return {};
      }),
      ListQueueTags: operation('ListQueueTags', (input) => ({ Tags: queueOf(input).tags })),
      SendMessage: operation('SendMessage', (input, caller) => send(queueOf(input), input, caller), 'kms:GenerateDataKey', 'kms:Decrypt'),
      SendMessageBatch: operation('SendMessage', sendBatch, 'kms:GenerateDataKey', 'kms:Decrypt'),
      ReceiveMessage: operation('ReceiveMessage', receive, 'kms:Decrypt'),
      DeleteMessage: operation('DeleteMessage', (input) => remove(queueOf(input), input)),
      DeleteMessageBatch: operation('DeleteMessage', (input) => batch(input, (entry) => remove(queueOf(input), entry))),
      ChangeMessageVisibility: operation('ChangeMessageVisibility', (input) => changeVisibility(queueOf(input), input)),
      ChangeMessageVisibilityBatch: operation('ChangeMessageVisibility', (input) =>
        batch(input, (entry) => changeVisibility(queueOf(input), entry)),
      ),
      StartMessageMoveTask: {
        // Amazon SQS Developer Guide, "Permissions for dead-letter queue redrive": what moves messages receives and deletes them.
        authorize: onSource('StartMessageMoveTask', 'ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'),
        run: startMove,
      },
      ListMessageMoveTasks: {
        authorize: onSource('ListMessageMoveTasks'),
        run: (input) => ({
          Results: moves.filter(({ SourceArn }) => SourceArn === input.SourceArn).slice(0, limit(input, 'MaxResults', 1, 10, 1)),
        }),
      },
      PurgeQueue: operation('PurgeQueue', (input) => {
        queueOf(input).store.purge();
        return {};
      }),
    },
    close() {
      for (const queue of queues.values()) queue.store.close();
    },
  };
}
