/** A target as the module describes it to its functions, in TARGET. What `settings` holds, the kind of target knows. */
import * as v from 'valibot';
import { profileAttributes } from '../access/grants.ts';
import { ConfigurationError } from '../platform/errors.ts';
import { guardLimitsSchema } from './guard-limits.ts';

const text = v.pipe(v.string(), v.nonEmpty());

export const targetSettingsSchema = v.strictObject({
  /** Grants, queues and items of the roles table are told apart by it: keys begin with it, up to the first `#`. */
  name: v.pipe(text, v.regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'give it up to 32 lower case letters, digits and hyphens')),
  /** One of `targetKinds`. */
  kind: text,
  settings: v.unknown(),
  /** What becomes of the account of a principal that is disabled, expired or out of scope. */
  onInactive: v.optional(v.picklist(['deactivate', 'keep']), 'deactivate'),
  /** What becomes of the account of a principal that the directory deleted. */
  onDeleted: v.optional(v.picklist(['delete', 'deactivate', 'keep']), 'delete'),
  /** Which LDAP attribute gives which part of a profile, where it is not the default. */
  attributes: v.optional(v.partial(v.strictObject(v.entriesFromList(profileAttributes, text)))),
  guard: guardLimitsSchema,
});

export type TargetSettings = v.InferOutput<typeof targetSettingsSchema>;

/** @throws ConfigurationError naming each wrong value */
export function parseTargetSettings(json: string): TargetSettings {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), targetSettingsSchema), json);
  if (parsed.success) return parsed.output;
  const wrong = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? 'TARGET'}: ${issue.message}`);
  throw new ConfigurationError(`TARGET describes no target: ${wrong.join('; ')}; deploy the function with the module that owns it`);
}
