/**
 * A person's decision on what a guard holds back, as it is signed: with the environment's approval key (KMS, ECC_NIST_P256, ECDSA_SHA_256,
 * message type RAW) over the text below. It names what its author saw, so that nothing more can be let through with it.
 */
import { createHash } from 'node:crypto';
import * as v from 'valibot';
import type { ChangeOf } from '../events/catalogue.ts';
import { type AnyIdentityEvent, makeEvent } from '../events/identity-event.ts';
import { fingerprint, type KeptRemoval } from './guard-store.ts';
import { targetSubject } from './target-subject.ts';

export interface GuardDecision {
  readonly target: string;
  readonly guard: string;
  readonly outcome: 'approved' | 'rejected';
  /** ARN of who decides. The signature proves that they may sign, CloudTrail's record of kms:Sign that it was them. */
  readonly by: string;
  /** How many removals it is about: the first so many that the guard staged. */
  readonly staged: number;
  /** Of these removals, SHA-256 in hex. */
  readonly digest: string;
}

/** Removals that one decision can be about: what covers them has to fit into one item. The rest waits for the next. */
export const mostDecided = 10_000;

const words = 'active-directory-lambda guard decision 1';
/** A message that KMS signs as it is may have 4,096 bytes (AWS KMS API Reference, Sign). */
const short = v.pipe(v.string(), v.minLength(1), v.maxLength(512));
const decisionSchema = v.strictObject({
  target: short,
  guard: short,
  outcome: v.picklist(['approved', 'rejected']),
  by: v.pipe(short, v.regex(/^arn:[\w-]+:(?:iam|sts)::\d{12}:\S+$/)),
  staged: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(mostDecided)),
  digest: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
});

export const digestOf = (removals: readonly KeptRemoval[]): string => sha256(removals.map(fingerprint).join('\n'));

/** The text that is signed: one line of JSON without spaces, the same for the same decision. */
export const decisionText = ({ target, guard, outcome, by, staged, digest }: GuardDecision): string =>
  JSON.stringify([words, target, guard, outcome, by, staged, digest]);

export const decisionId = (decision: GuardDecision): string => sha256(decisionText(decision));

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The event that carries a decision. */
export function guardDecided(decision: GuardDecision, signature: Uint8Array, at: string): AnyIdentityEvent {
  const { target } = decision;
  return makeEvent({
    type: 'GuardDecided',
    domain: target,
    subject: targetSubject(target),
    change: { ...decision, signature: Buffer.from(signature).toString('base64') },
    revision: 0,
    at,
    part: decisionId(decision),
  });
}

/** @returns undefined for what is no decision: a part is missing or not of its form */
export function readDecision({ signature, ...named }: ChangeOf<'GuardDecided'>): SignedDecision | undefined {
  const parsed = v.safeParse(decisionSchema, named);
  if (!parsed.success || !/^[A-Za-z0-9+/]{8,200}={0,2}$/.test(signature)) return undefined;
  return { decision: parsed.output, signature: Buffer.from(signature, 'base64') };
}

export interface SignedDecision {
  readonly decision: GuardDecision;
  readonly signature: Uint8Array;
}
