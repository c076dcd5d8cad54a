/**
 * A person's word that they have reviewed a report of access, as it is signed: with the environment's approval key (KMS, ECC_NIST_P256,
 * ECDSA_SHA_256, message type RAW) over the text below. It names the report's hash, so that it is about that report and no other.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import * as v from 'valibot';
import { type AnyIdentityEvent, eventId, makeEvent } from '../events/identity-event.ts';
import { canonicalJson, sha256 } from '../platform/canonical-json.ts';

const words = 'active-directory-lambda access review 1';

/** A message that KMS signs as it is may have 4,096 bytes (AWS KMS API Reference, Sign). */
const said = (most: number) =>
  v.pipe(
    v.string(),
    v.minLength(1, 'is empty'),
    v.maxLength(most, `has more than ${most} characters`),
    v.regex(/^[^\p{Cc}\p{Cs}]*$/u, 'has control characters'),
  );
export const byText = said(256);
export const noteText = said(500);

const signOffSchema = v.strictObject({
  deployment: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  report: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  counts: v.record(v.pipe(v.string(), v.maxLength(32)), v.pipe(v.number(), v.integer(), v.minValue(0))),
  by: byText,
  /** ARN of who signs. The signature proves that they may sign, CloudTrail's record of kms:Sign that it was them. */
  signer: v.pipe(v.string(), v.maxLength(512), v.regex(/^arn:[\w-]+:(?:iam|sts)::\d{12}:\S+$/)),
  at: v.pipe(v.string(), v.isoTimestamp()),
  note: v.optional(noteText),
});
export type SignOff = v.InferOutput<typeof signOffSchema>;

/** The file of a sign-off. `signature` is DER (RFC 3279 section 2.2.3), in base64. */
const signedSchema = v.strictObject({ version: v.literal(1), signOff: signOffSchema, signature: v.pipe(v.string(), v.base64()) });
export type SignedSignOff = v.InferOutput<typeof signedSchema>;

/** The text that is signed: one line of JSON without spaces, the same for the same word. */
export const signOffText = (signOff: SignOff): string => JSON.stringify([words, canonicalJson(signOff)]);

export const signedSignOff = (signOff: SignOff, signature: Uint8Array): SignedSignOff => ({
  version: 1,
  signOff,
  signature: Buffer.from(signature).toString('base64'),
});

export const signOffFile = (signed: SignedSignOff): string => `${canonicalJson(signed)}\n`;

/** @returns undefined for what is no sign-off */
export function readSignOff(text: string): SignedSignOff | undefined {
  try {
    const parsed = v.safeParse(signedSchema, JSON.parse(text));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

/** @param publicKey of the approval key */
export const isSignedBy = ({ signOff, signature }: SignedSignOff, publicKey: KeyObject): boolean =>
  verify('sha256', Buffer.from(signOffText(signOff), 'utf8'), publicKey, Buffer.from(signature, 'base64'));

/** The key as KMS gives it: SubjectPublicKeyInfo, DER (AWS KMS API Reference, GetPublicKey). */
export const publicKeyOf = (der: Uint8Array): KeyObject => createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });

/** What an event about a report starts with; the event's `domain` is the deployment's name then. */
const aboutReport = (deployment: string, report: string) =>
  ({
    domain: deployment,
    subject: { guid: eventId(deployment, report, 0, 'AccessReviewed'), type: 'report', name: report, dn: `report=${report}` },
    revision: 0,
  }) as const;

type Reviewed = Pick<SignOff, 'deployment' | 'report' | 'sha256' | 'counts'>;

export const accessReviewed = ({ deployment, report, sha256: hash, counts }: Reviewed, at: string): AnyIdentityEvent =>
  makeEvent({ type: 'AccessReviewed', ...aboutReport(deployment, report), change: { report, sha256: hash, counts }, at });

export function accessReviewSignedOff({ signOff, signature }: SignedSignOff): AnyIdentityEvent {
  const { deployment, at, ...change } = signOff;
  return makeEvent({
    type: 'AccessReviewSignedOff',
    ...aboutReport(deployment, change.report),
    change: { ...change, signature },
    at,
    part: sha256(signOffText(signOff)),
  });
}
