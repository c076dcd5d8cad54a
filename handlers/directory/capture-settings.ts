/** What one detect-changes captures: JSON in its environment variable `CAPTURE`. The construct checks it at synth, the function again. */
import * as v from 'valibot';
import { ConfigurationError } from '../platform/errors.ts';
import { attributeName, wholeHours, wrongValues } from './attribute-names.ts';
import { scopeSchema } from './scope.ts';

const schema = v.strictObject({
  mode: v.optional(v.picklist(['replication', 'object-security'], 'must be replication or object-security'), 'replication'),
  attributes: v.optional(
    v.pipe(
      v.array(attributeName),
      v.maxLength(40, 'are more than 40: each is mirrored for every object'),
      v.check((names) => new Set(names.map((name) => name.toLowerCase())).size === names.length, 'name one attribute twice'),
    ),
    [],
  ),
  scope: v.optional(scopeSchema, {}),
  verifyEveryHours: v.optional(wholeHours, 24),
  guard: v.optional(
    v.strictObject({
      // What is held back stands in the cursor's item, which ends at 400 KB.
      most: v.optional(
        v.pipe(v.number(), v.integer('must be a whole number'), v.minValue(0, 'must be 0 to 2000'), v.maxValue(2000, 'must be 0 to 2000')),
        500,
      ),
      share: v.optional(v.pipe(v.number(), v.minValue(0, 'must be 0 to 1'), v.maxValue(1, 'must be 0 to 1')), 0.1),
    }),
    {},
  ),
  actorsTable: v.optional(v.pipe(v.string(), v.nonEmpty('is empty: leave it out'))),
});

/**
 * - `mode`: `replication` (default) reads with the right "Replicating Directory Changes"; `object-security` with an ordinary account's rights,
 *   and finds deletions by verification.
 * - `attributes`: names of further attributes to mirror, and to tell changes of with their old and new values; at most 40, no secret.
 * - `scope`: which objects are told of (default all), see `Scope`.
 * - `verifyEveryHours`: hours between two passes that look up what may be gone, 1 to 168 (default 24).
 * - `guard`: a run deletes at most `most` objects (default 500) and that `share` of all, 0 to 1 (default 0.1).
 * - `actorsTable`: DynamoDB table with hints at who did it, from the Security log.
 */
export type CaptureSettings = v.InferOutput<typeof schema>;

/** Settings as a user of the construct writes them: what is left out has its default. */
export type CaptureOptions = v.InferInput<typeof schema>;

/** Checks settings and fills in defaults. @throws ConfigurationError naming each wrong value */
export function captureSettings(value: unknown): CaptureSettings {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  throw new ConfigurationError(`capture settings are wrong: ${wrongValues(parsed.issues, 'capture')}`);
}

/** Reads `CAPTURE`. @throws ConfigurationError for text that is no JSON, and naming each wrong value */
export function parseCaptureSettings(text: string): CaptureSettings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ConfigurationError(`capture settings are no JSON: ${(cause as Error).message}; give {} for the defaults`, { cause });
  }
  return captureSettings(value);
}

/** Lambda allows 4 KB for all environment variables of a function (AWS Lambda quotas); the others need some of it. */
const longest = 3072;

/**
 * The text of `CAPTURE`: keys and lists sorted, defaults left out, so that the same settings give the same plan; `{}` for the defaults.
 *
 * @throws ConfigurationError when it is longer than 3,072 bytes
 */
export function captureJson(settings: CaptureSettings): string {
  const text = JSON.stringify(canonical(settings, captureSettings({})) ?? {});
  if (Buffer.byteLength(text) <= longest) return text;
  throw new ConfigurationError(
    `capture settings take ${Buffer.byteLength(text)} bytes, more than ${longest}: name groups by SID, and organizational units further up`,
  );
}

/** The value without what equals its default; undefined when nothing is left. The order of every list here has no meaning. */
function canonical(value: unknown, standard: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : [...new Set(value)].sort();
  if (typeof value !== 'object' || value === null) return value === standard ? undefined : value;
  const defaults: Readonly<Record<string, unknown>> = typeof standard === 'object' && standard !== null ? { ...standard } : {};
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, canonical(inner, defaults[key])] as const)
    .filter(([, inner]) => inner !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
