/**
 * The digest of an hour: what the trail held when the hour was closed, signed with the trail's key (KMS, ECC_NIST_P256, ECDSA_SHA_256), and
 * chained to the digest of the hour before. An hour without records has one, too: a missing digest always means that one was taken away.
 */
import * as v from 'valibot';
import { canonicalJson, type JsonValue, sha256 } from '../platform/canonical-json.ts';

const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const hour = v.pipe(v.string(), v.regex(/^\d{4}-\d{2}-\d{2}T\d{2}$/));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const digestSchema = v.strictObject({
  version: v.literal(1),
  /** Whose trail it is: `<prefix>-<environment>`. */
  trail: v.string(),
  hour,
  closedAt: v.string(),
  /** Null in the first digest of a trail. */
  previous: v.nullable(v.strictObject({ hour, hash })),
  /** By key. A void has no records: a writer claimed its key and ended before it wrote. A key of the hour before came late. */
  segments: v.array(v.strictObject({ key: v.string(), hash, bytes: count, records: count })),
  /** Part of each writer's chain that lies in these segments. `previous`: what its first record names. */
  writers: v.array(v.strictObject({ writer: v.string(), first: count, previous: hash, last: count, head: hash })),
  /** Segments that were written in this hour, and were gone, or others, when it was closed. */
  missing: v.array(v.string()),
});

export type Digest = v.InferOutput<typeof digestSchema>;
export type DigestedSegment = Digest['segments'][number];
export type DigestedWriter = Digest['writers'][number];

export interface SignedDigest {
  readonly digest: Digest;
  /** DER (RFC 3279 section 2.2.3), in base64. */
  readonly signature: string;
}

const words = 'active-directory-lambda audit digest 1';

export const digestHash = (digest: Digest): string => sha256(canonicalJson(digest as JsonValue));

/** The text that is signed: short enough for KMS, which takes 4,096 bytes as they are (AWS KMS API Reference, Sign). */
export const signedText = (digest: Digest): string => JSON.stringify([words, digestHash(digest)]);

export const digestText = ({ digest, signature }: SignedDigest): string => `${canonicalJson({ digest: digest as JsonValue, signature })}\n`;

/** @returns undefined for what is no digest, or not byte for byte in the one form that a digest has */
export function readDigest(bytes: Uint8Array): SignedDigest | undefined {
  const text = Buffer.from(bytes).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = v.safeParse(v.strictObject({ digest: digestSchema, signature: v.string() }), json);
  if (!parsed.success) return undefined;
  const signed = parsed.output;
  // Base64 is read leniently: other characters would stand for the same signature.
  if (Buffer.from(signed.signature, 'base64').toString('base64') !== signed.signature) return undefined;
  return digestText(signed) === text ? signed : undefined;
}
