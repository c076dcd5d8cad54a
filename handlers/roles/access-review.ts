/**
 * The report of an access review: who holds what, since when, why, and what of it a person should look at. The JSON file is this object in its
 * canonical form (RFC 8785), so that its SHA-256 is the hash of the file as it is.
 */
import * as v from 'valibot';
import type { Assignment, DriftKind, PrincipalState } from '../events/catalogue.ts';
import { canonicalJson, type JsonValue, sha256 } from '../platform/canonical-json.ts';

/**
 * What is at the target, by the ledger. `held`: as decided; `pending`: decided, on its way; `missing`: the decision is done and it is not
 * there; `ending`: it is there and no decision gives it any more; `staged`: so it is, and a guard holds its end back; `extra`: nobody granted it.
 */
export const grantStates = ['held', 'pending', 'missing', 'ending', 'staged', 'extra'] as const;
export type GrantState = (typeof grantStates)[number];

/** What a person should look at. */
export const exceptionKinds = ['violation', 'ending-soon', 'staged', 'inactive', 'missing', 'extra', 'never-logged-on'] as const;
export type ExceptionKind = (typeof exceptionKinds)[number];

/** A group on the way from the person to the role. */
export interface ReviewedGroup {
  readonly guid: string;
  readonly name: string;
}

/** What one person holds at one target, or is to hold. */
export interface ReviewedGrant {
  readonly target: string;
  /** Left out for an account that can log on and holds no role. */
  readonly role?: string;
  readonly state: GrantState;
  readonly account?: { readonly id: string; readonly userName: string };
  readonly assignments?: readonly Assignment[];
  /** When it was first decided, ISO 8601. This and what follows is left out for what nobody granted. */
  readonly since?: string;
  /** From the group that the person is a direct member of to the one that the mapping selects. */
  readonly path?: readonly ReviewedGroup[];
  readonly mapping?: string;
  /** Ids of the policies that permit it. */
  readonly policies?: readonly string[];
  /** Ids of the policies that forbid it by now, where that is only reported. */
  readonly violates?: readonly string[];
  /** Id of the AccessDecided event that gave it. */
  readonly decision?: string;
  /** When the mapping stops giving it, ISO 8601; left out where it does not. */
  readonly validUntil?: string;
  /** The guard that holds its end back. */
  readonly guard?: string;
  readonly exceptions: readonly ExceptionKind[];
}

export interface ReviewedPrincipal {
  readonly domain: string;
  readonly guid: string;
  readonly name: string;
  readonly dn: string;
  readonly samAccountName?: string;
  readonly userPrincipalName?: string;
  readonly state: PrincipalState;
  /** When it was last decided on, ISO 8601. */
  readonly decidedAt: string;
  /** By lastLogonTimestamp, ISO 8601; null: never; left out where the mirror does not capture it. */
  readonly lastLogon?: string | null;
  readonly grants: readonly ReviewedGrant[];
}

/** A difference that the newest drift report of a target names and nobody heals by itself; `account-orphaned` among them. */
export interface ReviewedDifference {
  readonly target: string;
  readonly kind: DriftKind;
  readonly outcome: string;
  readonly detail: string;
  readonly principal?: string;
  readonly role?: string;
  readonly account?: { readonly id: string; readonly userName: string };
}

export interface ReviewedTarget {
  readonly name: string;
  /** No API of a target says when a role was last used. */
  readonly lastUse: 'not told by the target';
  /** When the newest drift report was completed, ISO 8601; null: there is none, so that nobody can tell of orphans there. */
  readonly driftReport: string | null;
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const countsSchema = v.strictObject({
  /** Principals that were ever decided on, and those that hold something or are to. */
  principals: count,
  holders: count,
  /** All of them, and by state. */
  grants: count,
  ...v.entriesFromList(grantStates, count),
  /** Grants with an exception. */
  exceptions: count,
  differences: count,
  orphans: count,
});
export type ReviewCounts = v.InferOutput<typeof countsSchema>;

export interface AccessReview {
  readonly version: 1;
  /** Key of its files in the bucket, without their endings. */
  readonly report: string;
  /** `<prefix>-<environment>`. */
  readonly deployment: string;
  /** ISO 8601. What was decided in between may be in it or not: the tables are read page by page. */
  readonly begunAt: string;
  readonly generatedAt: string;
  /** Key of the configuration object, which holds the hash of mappings and policies. */
  readonly configuration: string;
  /** Directories whose lastLogonTimestamp is mirrored. */
  readonly logons: readonly string[];
  readonly targets: readonly ReviewedTarget[];
  readonly counts: ReviewCounts;
  readonly differences: readonly ReviewedDifference[];
  /** Those that hold something, or are to, sorted by name. */
  readonly principals: readonly ReviewedPrincipal[];
}

export type ReviewHead = Omit<AccessReview, 'principals'>;

/** Days before the end of a mapping's validity that are told as `ending-soon`. */
export const endingSoonDays = 30;

export function countsOf(principals: number, grants: Iterable<ReviewedGrant>, differences: readonly ReviewedDifference[], holders: number) {
  const counts = {
    ...{ principals, holders, grants: 0, exceptions: 0 },
    ...(Object.fromEntries(grantStates.map((state) => [state, 0])) as Record<GrantState, number>),
    differences: differences.length,
    orphans: differences.filter(({ kind }) => kind === 'account-orphaned').length,
  };
  for (const { state, exceptions } of grants) {
    counts.grants += 1;
    counts[state] += 1;
    if (exceptions.length > 0) counts.exceptions += 1;
  }
  return counts satisfies ReviewCounts;
}

/** The canonical text of the report, piece by piece: at 100,000 grants the whole object would take more than a function has. */
export function* reviewText(head: ReviewHead, principals: Iterable<string>): Generator<string> {
  // A quotation mark within a text is escaped, so this stands there once: as the member.
  const [before = '', after = ''] = canonicalJson({ ...head, principals: [] } as unknown as JsonValue).split('"principals":[]');
  yield `${before}"principals":[`;
  let first = true;
  for (const text of principals) {
    yield first ? text : `,${text}`;
    first = false;
  }
  yield `]${after}`;
}

const iso = v.pipe(v.string(), v.isoTimestamp());
/** What signing off and checking need of a report; everything else is covered by its hash. */
const readableSchema = v.looseObject({
  version: v.literal(1),
  report: v.pipe(v.string(), v.regex(/^access-review\/\d{4}-\d{2}-\d{2}\/[\w.-]+$/)),
  deployment: v.pipe(v.string(), v.nonEmpty()),
  generatedAt: iso,
  counts: countsSchema,
  principals: v.array(v.looseObject({ guid: v.string() })),
});
export type ReadableReview = v.InferOutput<typeof readableSchema>;

/** @returns undefined for what is no report, or not byte for byte in the one form that a report has */
export function readReview(bytes: Uint8Array): { readonly review: ReadableReview; readonly sha256: string } | undefined {
  const text = Buffer.from(bytes).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = v.safeParse(readableSchema, json);
  if (!parsed.success || canonicalJson(json as JsonValue) !== text) return undefined;
  return { review: parsed.output, sha256: sha256(bytes) };
}
