/** What reaches decide-access besides identity events: messages that it sends to itself, and the tick of its schedule. */
import * as v from 'valibot';
import { type AnyIdentityEvent, type Cause, causeSchema, parseEvent } from '../events/identity-event.ts';
import { InvalidEventError } from '../platform/errors.ts';

/** Principals of one message of a fan-out: as many as one run decides on well within its time, ten such messages beside each other. */
export const principalsAtOnce = 25;

const text = v.pipe(v.string(), v.nonEmpty());

/** Users to look at. `seenAt`: partition of the directory table in which the group that they are below was met. */
const lookAtSchema = v.strictObject({
  lookAt: v.strictObject({
    domain: text,
    guids: v.pipe(v.array(text), v.minLength(1), v.maxLength(principalsAtOnce)),
    seenAt: v.optional(text),
  }),
  cause: causeSchema,
});

/** Every minute: whether a time has come, or a configuration, that changes what everybody should have. */
const tickSchema = v.strictObject({ revalidate: v.literal(true) });

/** A part of a revalidation: members of all groups that mappings select, or who is in the grants table, from a key on. */
const revalidationSchema = v.strictObject({
  revalidation: v.union([
    v.strictObject({ of: v.literal('groups') }),
    v.strictObject({ of: v.literal('principals'), after: v.optional(text) }),
  ]),
  cause: causeSchema,
});

export type LookAt = v.InferOutput<typeof lookAtSchema>;
export type Revalidation = v.InferOutput<typeof revalidationSchema>;
/** What decide-access sends to its own queue. */
export type OwnMessage = LookAt | Revalidation;
export type DecisionMessage = OwnMessage | v.InferOutput<typeof tickSchema> | AnyIdentityEvent;

const ownSchema = v.union([lookAtSchema, tickSchema, revalidationSchema]);

/** Reads a message of the queue. @throws InvalidEventError when it is none of these, which then ends in the dead-letter queue */
export function parseDecisionMessage(body: string): DecisionMessage {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new InvalidEventError('message is no JSON: send an identity event');
  }
  const own = v.safeParse(ownSchema, value);
  return own.success ? own.output : parseEvent(value);
}

/** The messages of a fan-out: every user once, each domain's together. */
export function lookAts(
  users: readonly { readonly domain: string; readonly guid: string }[],
  cause: Cause,
  seenAt?: string,
): readonly LookAt[] {
  return [...Map.groupBy(users, ({ domain }) => domain)].flatMap(([domain, those]) =>
    Array.from({ length: Math.ceil(those.length / principalsAtOnce) }, (_, index) => {
      const guids = those.slice(index * principalsAtOnce, (index + 1) * principalsAtOnce).map(({ guid }) => guid);
      return { lookAt: { domain, guids, ...(seenAt === undefined ? {} : { seenAt }) }, cause };
    }),
  );
}
