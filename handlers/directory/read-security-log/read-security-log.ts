/** From records of a CloudWatch Logs subscription to actor hints, and a wake of detect-changes. */
import { gunzipSync } from 'node:zlib';
import * as v from 'valibot';
import { ConfigurationError, InvalidEventError } from '../../platform/errors.ts';
import type { Log } from '../../platform/log.ts';
import { type ActorHints, hintsOf } from '../security-log/actor-hints.ts';
import { type DropKind, nothingDropped } from '../security-log/event-xml.ts';
import { readSecurityEvents, type SecurityEvent } from '../security-log/security-event.ts';
import type { Woken } from '../security-log/wake.ts';

/** A log group with a directory's Security log, and the detect-changes that watches this directory, if it is to be woken. */
export interface SecurityLog {
  readonly logGroup: string;
  readonly wake?: string | undefined;
}

export interface ReadSecurityLogDependencies {
  readonly logs: readonly SecurityLog[];
  readonly hints: ActorHints;
  readonly wake: (functionName: string) => Promise<Woken>;
  readonly log: Log;
  readonly now: () => Date;
}

/** Bytes of a delivery's JSON. A log event has at most 1 MB, and CloudWatch Logs packs a batch to less than Lambda's payload limit. */
const maximumBytes = 10 * 1024 * 1024;

const logsSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.pipe(
    v.array(v.strictObject({ logGroup: v.pipe(v.string(), v.nonEmpty()), wake: v.optional(v.pipe(v.string(), v.nonEmpty())) })),
    v.minLength(1),
    v.check((logs) => new Set(logs.map(({ logGroup }) => logGroup)).size === logs.length, 'a log group is listed twice'),
  ),
);

/** Reads SECURITY_LOGS. @throws ConfigurationError */
export function parseSecurityLogs(text: string): readonly SecurityLog[] {
  const parsed = v.safeParse(logsSchema, text);
  if (parsed.success) return parsed.output;
  const reasons = parsed.issues.map(({ message }) => message).join('; ');
  throw new ConfigurationError(`SECURITY_LOGS is not a JSON array of {"logGroup", "wake"?} (${reasons}): deploy the module that sets it`);
}

const deliverySchema = v.variant('messageType', [
  v.object({ messageType: v.literal('CONTROL_MESSAGE') }),
  v.object({
    messageType: v.literal('DATA_MESSAGE'),
    logGroup: v.string(),
    logEvents: v.array(v.object({ message: v.string() })),
  }),
]);

/**
 * Keeps what the records tell of actors, then wakes detect-changes: in this order, so that the poll finds the hints. The log has counts
 * and no word of an event.
 *
 * @throws InvalidEventError when it is no delivery of CloudWatch Logs
 * @throws ConfigurationError when the log group is none of ours
 */
export async function readSecurityLog(deps: ReadSecurityLogDependencies, event: unknown): Promise<void> {
  const delivery = readDelivery(event);
  const control = delivery.messageType === 'CONTROL_MESSAGE';
  // CloudWatch Logs sends control messages to see whether we are there ("Log group-level subscription filters").
  const { logGroup, logEvents } = control ? { logGroup: '', logEvents: [] } : delivery;
  const source = deps.logs.find((one) => one.logGroup === logGroup);
  if (!control && source === undefined) {
    throw new ConfigurationError(`log group "${logGroup}" is not in SECURITY_LOGS: remove its subscription filter, or deploy again`);
  }

  const events: SecurityEvent[] = [];
  const dropped = nothingDropped();
  for (const { message } of logEvents) {
    const read = readSecurityEvents(message);
    events.push(...read.events);
    for (const [kind, count] of Object.entries(read.dropped)) dropped[kind as DropKind] += count;
  }

  const hints = hintsOf(events, deps.now());
  await deps.hints.keep(hints);
  const woken = events.length > 0 && source?.wake !== undefined ? await deps.wake(source.wake) : 'no';
  deps.log.info('SECURITY_LOG_READ', {
    ...(control ? { controlMessages: 1 } : { logGroup }),
    records: logEvents.length,
    events: events.length,
    hints: hints.length,
    dropped,
    woken,
  });
}

function readDelivery(event: unknown): v.InferOutput<typeof deliverySchema> {
  const outer = v.safeParse(v.object({ awslogs: v.object({ data: v.string() }) }), event);
  if (!outer.success) throw new InvalidEventError('not a delivery of CloudWatch Logs: awslogs.data is missing');
  let json: unknown;
  try {
    json = JSON.parse(gunzipSync(Buffer.from(outer.output.awslogs.data, 'base64'), { maxOutputLength: maximumBytes }).toString('utf8'));
  } catch (error) {
    // The error of JSON.parse quotes the text: no content of the log goes on from here.
    const reason = error instanceof SyntaxError ? 'no JSON' : error instanceof Error && 'code' in error ? error.code : 'unreadable';
    throw new InvalidEventError(
      `not a delivery of CloudWatch Logs: awslogs.data is not gzip of at most ${maximumBytes} bytes JSON: ${reason}`,
    );
  }
  const parsed = v.safeParse(deliverySchema, json);
  if (parsed.success) return parsed.output;
  throw new InvalidEventError(`not a delivery of CloudWatch Logs: check ${parsed.issues.map((issue) => v.getDotPath(issue)).join(', ')}`);
}
