/** Events after which a credential is rotated: what they are about, and whether the change was our own. */
import * as v from 'valibot';
import { type AnyIdentityEvent, type Cause, causeOf, parseEvent } from '../events/identity-event.ts';
import { InvalidEventError, RetryableError } from '../platform/errors.ts';
import { accountsOf, type CredentialSettings } from './credential-settings.ts';
import { isUnderWay, type RotationEntry, type RotationRequest, requestedVersion } from './rotation-ledger.ts';

/** Source and type of what a team's scanner puts on the bus when it finds a credential where it should not be. */
export const signalSource = 'active-directory.signal';
export const compromisedType = 'CredentialCompromised';

const signalSchema = v.object({
  id: v.pipe(v.string(), v.nonEmpty()),
  source: v.literal(signalSource),
  'detail-type': v.literal(compromisedType),
  time: v.pipe(v.string(), v.isoTimestamp()),
  /** `credential`: its name. */
  detail: v.object({ credential: v.pipe(v.string(), v.nonEmpty()) }),
});

export interface Trigger {
  /** The credential by its name, or by one of its accounts. */
  readonly credential?: string | undefined;
  readonly account?: string | undefined;
  readonly cause: Cause & { readonly detectedAt: string };
  /** Of a password that was changed: whose, and the directory's own time of it; undefined: it has to be changed at the next log-on. */
  readonly changed?: { readonly guid: string; readonly passwordLastSet: string | undefined } | undefined;
}

/** @param body an EventBridge event as JSON @throws InvalidEventError */
export function parseTrigger(body: string): Trigger {
  let delivered: unknown;
  try {
    delivered = JSON.parse(body);
  } catch {
    throw new InvalidEventError('not JSON: the queue takes EventBridge events');
  }
  if (v.is(v.looseObject({ source: v.literal(signalSource) }), delivered)) {
    const signal = v.safeParse(signalSchema, delivered);
    if (!signal.success)
      throw new InvalidEventError(`not a signal: send ${compromisedType} with detail {"credential": "<name of the credential>"}`);
    const { id, time, detail } = signal.output;
    return { credential: detail.credential, cause: { id, type: compromisedType, detectedAt: new Date(time).toISOString() } };
  }
  return ofEvent(parseEvent(delivered));
}

function ofEvent(event: AnyIdentityEvent): Trigger {
  const { type, subject, detectedAt } = event;
  const about = { account: subject.samAccountName, cause: { ...causeOf(event), detectedAt } };
  if (event.type === 'AccessViolationFound') return about;
  if (event.type === 'PasswordChanged')
    return { ...about, changed: { guid: subject.guid, passwordLastSet: event.change.after ?? undefined } };
  throw new InvalidEventError(`event ${type} is no reason to rotate a credential: correct the rule of the queue`);
}

export const isAbout = ({ credential, account }: Trigger, settings: CredentialSettings): boolean =>
  credential === undefined
    ? account !== undefined && accountsOf(settings.strategy).some((one) => one.toLowerCase() === account.toLowerCase())
    : credential === settings.name;

/** Two who rotate the same account would otherwise answer each other for ever. */
const healedAgainMs = 3_600_000;

/**
 * The rotation that it takes; undefined: the change was ours, a rotation since has answered it, or the check will.
 *
 * @throws RetryableError while a rotation is under way, whose change this may be, and after one that healed
 */
export function requestFor(
  { cause, changed }: Trigger,
  { name }: CredentialSettings,
  entry: RotationEntry,
  now: Date,
): RotationRequest | undefined {
  const { rotated, known, attempt } = entry;
  const ours = changed && known[changed.guid];
  // One before the known one was replaced by it.
  if (ours !== undefined && changed?.passwordLastSet !== undefined && changed.passwordLastSet <= ours) return undefined;
  if (attempt !== undefined && isUnderWay(attempt, now))
    throw new RetryableError(`a rotation of "${name}" is under way: whether it answers this shows when it has ended`);
  if (changed === undefined) {
    if (rotated !== undefined && cause.detectedAt <= rotated.at) return undefined;
    return { version: requestedVersion(name, cause.id), reason: 'requested', cause };
  }
  // Of a rotation that does not end the check compares the times when it has. Nothing is known of a password until it is rotated or checked.
  if (attempt !== undefined || ours === undefined) return undefined;
  if (rotated !== undefined && cause.detectedAt <= (rotated.since ?? rotated.at)) return undefined;
  if (rotated?.reason === 'healed' && now.getTime() - Date.parse(rotated.at) < healedAgainMs)
    throw new RetryableError(`"${name}" was healed less than an hour ago: somebody else changes it again and again`);
  return { version: requestedVersion(name, cause.id), reason: 'healed', cause };
}
