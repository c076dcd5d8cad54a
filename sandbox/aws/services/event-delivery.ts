import { AwsError } from '../error.ts';
import { isRecord, optionalRecord, optionalText, text } from '../input.ts';
import type { Call, Input } from '../service.ts';

// How a rule's events reach a queue, as EventBridge does it: with the service's principal and the rule as aws:SourceArn; what cannot be
// delivered goes to the target's dead-letter queue (EventBridge User Guide, "Using dead-letter queues to process undelivered events").

/** Retries of AWS last a day; these last two seconds, enough to outlive an injected fault. */
const retryDelaysMs = [50, 150, 500, 1300];

/** @throws AwsError for a target that the sandbox cannot honour */
export function checkTarget(target: Input): void {
  const arn = text(target, 'Arn');
  const refused = Object.keys(target).filter((name) => !['Id', 'Arn', 'SqsParameters', 'DeadLetterConfig', 'RetryPolicy'].includes(name));
  if (refused.length > 0)
    throw new AwsError(
      'NotImplemented',
      `target ${text(target, 'Id')}: the sandbox does not implement ${refused.join(', ')}; deliver the whole event`,
      501,
    );
  if (!arn.startsWith('arn:aws:sqs:'))
    throw new AwsError(
      'NotImplemented',
      `target ${arn}: the sandbox delivers to queues alone; put a queue between the rule and its target`,
      501,
    );
  if (arn.endsWith('.fifo') && !isRecord(target.SqsParameters))
    throw new AwsError('ValidationException', `Parameter(s) SqsParameters must be specified for target: ${text(target, 'Id')}.`);
}

const retriable = (error: unknown): boolean =>
  error instanceof AwsError && (error.status >= 500 || error.code === 'RequestThrottled') && error.code !== 'NotImplemented';

export interface Delivery {
  readonly ruleArn: string;
  readonly target: Input;
  readonly event: string;
  readonly groupId?: string;
}

export async function deliver({ ruleArn, target, event }: Delivery, call: Call, url: () => string): Promise<void> {
  const asRule = { service: 'events.amazonaws.com', sourceArn: ruleArn };
  const queueUrl = (arn: string): string => `${url()}/${arn.split(':')[4]}/${arn.split(':')[5]}`;
  const arn = text(target, 'Arn');
  const groupId = optionalText(optionalRecord(target, 'SqsParameters') ?? {}, 'MessageGroupId');
  const retryPolicy = optionalRecord(target, 'RetryPolicy');
  const attempts = Math.min(retryDelaysMs.length, Number(retryPolicy?.MaximumRetryAttempts ?? 185));
  for (let attempt = 0; ; attempt += 1) {
    try {
      await call(asRule, 'sqs', 'SendMessage', {
        QueueUrl: queueUrl(arn),
        MessageBody: event,
        ...(groupId ? { MessageGroupId: groupId } : {}),
      });
      return;
    } catch (error) {
      const delay = retryDelaysMs[attempt];
      if (retriable(error) && attempt < attempts && delay !== undefined) {
        await new Promise((resolve) => setTimeout(resolve, delay));
        continue;
      }
      const deadLetterArn = optionalText(optionalRecord(target, 'DeadLetterConfig') ?? {}, 'Arn');
      if (deadLetterArn === undefined) return; // AWS drops the event too; the failed call is in the log
      const string = (value: string): Input => ({ DataType: 'String', StringValue: value });
      await call(asRule, 'sqs', 'SendMessage', {
        QueueUrl: queueUrl(deadLetterArn),
        MessageBody: event,
        MessageAttributes: {
          RULE_ARN: string(ruleArn),
          TARGET_ARN: string(arn),
          ERROR_CODE: string(
            error instanceof AwsError && error.code === 'QueueDoesNotExist'
              ? 'NO_RESOURCE'
              : error instanceof AwsError && error.code.startsWith('AccessDenied')
                ? 'NO_PERMISSIONS'
                : 'SDK_CLIENT_ERROR',
          ),
          ERROR_MESSAGE: string(error instanceof Error ? error.message : String(error)),
          RETRY_ATTEMPTS: string(String(attempt)),
        },
      });
      return;
    }
  }
}
