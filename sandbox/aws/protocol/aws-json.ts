import { AwsError } from '../error.ts';
import { isRecord } from '../input.ts';
import type { Input } from '../service.ts';
import { type Protocol, toJson } from './wire.ts';

/** Codes that SQS still answers under their query-protocol name to clients that ask by `x-amzn-query-mode` (Smithy awsQueryCompatible). */
const queryCodes: Readonly<Record<string, string>> = {
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  AccessDeniedException: 'AccessDenied',
  EmptyBatchRequest: 'AWS.SimpleQueueService.EmptyBatchRequest',
  TooManyEntriesInBatchRequest: 'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
  BatchEntryIdsNotDistinct: 'AWS.SimpleQueueService.BatchEntryIdsNotDistinct',
  BatchRequestTooLong: 'AWS.SimpleQueueService.BatchRequestTooLong',
  UnsupportedOperation: 'AWS.SimpleQueueService.UnsupportedOperation',
  PurgeQueueInProgress: 'AWS.SimpleQueueService.PurgeQueueInProgress',
};

export function parseJson(body: Buffer): Input {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (cause) {
    throw new AwsError('SerializationException', `the body is not JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
  if (!isRecord(value)) throw new AwsError('SerializationException', 'the body is not a JSON object');
  return value;
}

/** awsJson1_0 and awsJson1_1: everything is a POST, and X-Amz-Target names the operation. */
export function awsJson(version: '1.0' | '1.1', namespace: string, queryCompatible = false): Protocol {
  const contentType = `application/x-amz-json-${version}`;
  return {
    decode(request) {
      const target = String(request.headers['x-amz-target'] ?? '');
      const operation = target.slice(target.indexOf('.') + 1);
      return { operation: target.includes('.') ? operation : `${request.method} ${request.path}`, input: parseJson(request.body) };
    },
    encode: (_operation, output) => ({ status: 200, headers: { 'content-type': contentType }, body: JSON.stringify(toJson(output)) }),
    encodeError: (error) => ({
      status: error.status,
      headers: {
        'content-type': contentType,
        ...(queryCompatible
          ? { 'x-amzn-query-error': `${queryCodes[error.code] ?? error.code};${error.status < 500 ? 'Sender' : 'Receiver'}` }
          : {}),
      },
      // Services disagree on the case of "message"; their clients read the one that their model names
      body: JSON.stringify({
        __type: `${namespace}#${error.code}`,
        message: error.message,
        Message: error.message,
        ...(toJson(error.fields ?? {}) as object),
      }),
    }),
  };
}
