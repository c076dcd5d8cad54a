/** Making and reading identity events: the envelope around what the catalogue holds. */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import { InvalidEventError } from '../platform/errors.ts';
import { type ChangeOf, catalogue, type IdentityEventType, type Subject, schemaVersion, subjectSchema } from './catalogue.ts';

const causeEntries = {
  id: v.string(),
  type: v.string(),
  occurredAt: v.optional(v.string()),
  detectedAt: v.optional(v.string()),
};

/**
 * The cause of an event: the event that led to it, so that a chain leads back to the directory change. `root` is the event that the chain
 * began with, where that is another one than the cause. Times are ISO 8601.
 */
export const causeSchema = v.strictObject({ ...causeEntries, root: v.optional(v.strictObject(causeEntries)) });

/** Who did it in the directory, as the Security log says: SID, and `DOMAIN\name` where it tells one. */
export const actorSchema = v.strictObject({ sid: v.pipe(v.string(), v.nonEmpty()), name: v.pipe(v.string(), v.nonEmpty()) });
export type Actor = v.InferOutput<typeof actorSchema>;

const envelopeEntries = {
  version: v.literal(schemaVersion),
  // Of those who remember it as part of a key: DynamoDB takes 1,024 bytes of a sort key.
  id: v.pipe(v.string(), v.nonEmpty(), v.maxLength(256)),
  domain: v.pipe(v.string(), v.nonEmpty()),
  subject: subjectSchema,
  revision: v.pipe(v.number(), v.integer(), v.minValue(0)),
  actor: v.optional(actorSchema),
  occurredAt: v.pipe(v.string(), v.isoTimestamp()),
  detectedAt: v.pipe(v.string(), v.isoTimestamp()),
  cause: v.optional(causeSchema),
};

export type Cause = v.InferOutput<typeof causeSchema>;
export type Root = Omit<Cause, 'root'>;

/**
 * One identity event.
 * `domain` is the directory's DNS domain name; `revision` counts the changes of the subject's row; `occurredAt` is the directory's own
 * time of the change (or the moment of detection where the directory tells none), `detectedAt` the moment we saw it; both
 * ISO 8601 in UTC.
 */
export interface IdentityEvent<T extends IdentityEventType = IdentityEventType> {
  readonly type: T;
  readonly version: typeof schemaVersion;
  readonly id: string;
  readonly domain: string;
  readonly subject: Subject;
  readonly change: ChangeOf<T>;
  readonly revision: number;
  readonly actor?: Actor | undefined;
  readonly occurredAt: string;
  readonly detectedAt: string;
  readonly cause?: Cause | undefined;
}

export type EventOf<T extends IdentityEventType> = T extends IdentityEventType ? IdentityEvent<T> : never;
export type AnyIdentityEvent = EventOf<IdentityEventType>;

/**
 * The id of an event, the same for every repeat of it: a UUID (RFC 9562 version 8, SHA-256) of what the event is about.
 * `part` tells apart events of one type at one revision (the member of a membership, the role of a grant).
 */
export function eventId(domain: string, guid: string, revision: number, type: IdentityEventType, part = ''): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([domain, guid, revision, type, part]))
    .digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}

/** What is to be told; version, id and times follow from it. */
export interface Telling<T extends IdentityEventType> {
  readonly type: T;
  readonly domain: string;
  readonly subject: Subject;
  readonly change: ChangeOf<T>;
  readonly revision: number;
  /** When it was detected. */
  readonly at: string;
  /** When it occurred, where the directory tells. DirSync sends no time of a change (whenChanged is not replicated). @default `at` */
  readonly occurredAt?: string | undefined;
  readonly actor?: Actor | undefined;
  readonly cause?: Cause;
  /** See eventId. */
  readonly part?: string;
  /** In place of the id that follows from subject, revision, type and part. */
  readonly id?: string;
}

/** Makes an event. The same telling always gives the same id. */
export function makeEvent<T extends IdentityEventType>({ at, occurredAt = at, actor, part, id, ...told }: Telling<T>): AnyIdentityEvent {
  const { type, domain, subject, revision } = told;
  const event = {
    ...told,
    version: schemaVersion,
    id: id ?? eventId(domain, subject.guid, revision, type, part),
    ...(actor === undefined ? {} : { actor }),
    occurredAt,
    detectedAt: at,
  };
  return event as AnyIdentityEvent;
}

/** An event as the cause of what follows from it. */
export const causeOf = ({ id, type, occurredAt, detectedAt, cause }: AnyIdentityEvent): Cause => ({
  id,
  type,
  occurredAt,
  detectedAt,
  ...(cause === undefined ? {} : { root: rootOf(cause) }),
});

/** The event that a chain began with: a change of the directory as a rule, else a run, a time or a person's decision. */
export const rootOf = ({ root, ...cause }: Cause): Root => root ?? cause;

/** One id for all events, messages, log lines and records from a change of the directory to the roles at the targets: the first event's. */
export const correlationId = ({ id, cause }: Pick<AnyIdentityEvent, 'id' | 'cause'>): string =>
  cause === undefined ? id : rootOf(cause).id;

/** The entry of `PutEvents` for an event (without the bus, which the caller knows). */
export function toEntry(event: AnyIdentityEvent): { Source: string; DetailType: string; Detail: string; Time: Date } {
  const { type, ...detail } = event;
  return { Source: catalogue[type].source, DetailType: type, Detail: JSON.stringify(detail), Time: new Date(event.detectedAt) };
}

/**
 * Reads an EventBridge event as delivered to a queue.
 *
 * @throws InvalidEventError when it is no event of the catalogue, of another version, or malformed. The caller lets it end in the DLQ.
 */
export function parseEvent(delivered: unknown): AnyIdentityEvent {
  const outer = v.safeParse(
    v.object({ source: v.string(), 'detail-type': v.string(), detail: v.record(v.string(), v.unknown()) }),
    delivered,
  );
  if (!outer.success) throw new InvalidEventError(`not an EventBridge event: ${issues(outer.issues)}`);
  const { source, 'detail-type': type, detail } = outer.output;
  if (!isEventType(type)) throw new InvalidEventError(`unknown event type "${type}": send one of the event catalogue`);
  if (catalogue[type].source !== source) {
    throw new InvalidEventError(
      `event ${type} has source "${source}", expected "${catalogue[type].source}": only its own domain raises it`,
    );
  }
  if (detail.version !== schemaVersion) {
    throw new InvalidEventError(
      `event ${type} has schema version ${JSON.stringify(detail.version)}, this function reads ${schemaVersion}: deploy both ends from one release, then redrive the queue`,
    );
  }
  const parsed = v.safeParse(v.strictObject({ ...envelopeEntries, change: catalogue[type].change as v.GenericSchema }), detail);
  if (!parsed.success) throw new InvalidEventError(`event ${type} is malformed: ${issues(parsed.issues)}`);
  return { type, ...parsed.output } as AnyIdentityEvent;
}

function isEventType(type: string): type is IdentityEventType {
  return Object.hasOwn(catalogue, type);
}

function issues(found: readonly v.BaseIssue<unknown>[]): string {
  return found.map((issue) => `${v.getDotPath(issue) ?? 'event'}: ${issue.message}`).join('; ');
}
