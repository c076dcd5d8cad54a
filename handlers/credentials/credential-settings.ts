/**
 * Settings of one credential, as the module writes them for the function: an item of the credentials table each, which shows in the plan.
 * They name accounts and places, never a password.
 */
import * as v from 'valibot';
import { ConfigurationError } from '../platform/errors.ts';
import { vaultPath } from './vault/vault-settings.ts';

const text = v.pipe(v.string(), v.nonEmpty());

/** sAMAccountName: at most 20 characters, none of "/\[]:;|=,+*?<> (MS-ADTS section 3.1.1.6, MS-SAMR section 3.1.1.6). */
const accountName = v.pipe(text, v.maxLength(20), v.regex(/^[^"/\\[\]:;|=,+*?<>\p{Cc}]+$/u));

/** Where a credential is kept. Of Secrets Manager's the ARN; of a vault the path of a KV version 2 secret, without mount and without `data/`. */
const storeSchema = v.union([
  v.strictObject({ secretsManager: v.strictObject({ secretArn: text }) }),
  v.strictObject({ vault: v.strictObject({ path: v.pipe(text, v.regex(vaultPath)) }) }),
]);

/** The secret of an account that may reset passwords, as JSON {"username", "password"} at Secrets Manager. */
const resetBy = text;

const strategySchema = v.union([
  /** The account changes its own password: it needs no right but what every account has. */
  v.strictObject({ kind: v.literal('single'), account: accountName }),
  /** A delegated account resets it. */
  v.strictObject({ kind: v.literal('reset'), account: accountName, resetBy }),
  /**
   * Two accounts take turns: the idle one gets a new password and becomes current. Without `resetBy` the idle one changes its own, which
   * takes that the store still has its last one.
   */
  v.strictObject({
    kind: v.literal('alternating'),
    accounts: v.tuple([accountName, accountName]),
    resetBy: v.optional(resetBy),
    /** What to do where the two are not in the same groups. */
    differences: v.picklist(['refuse', 'report']),
  }),
]);

export const credentialSettingsSchema = v.strictObject({
  /** Unique in the environment. */
  name: v.pipe(text, v.maxLength(64), v.regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/)),
  store: storeSchema,
  strategy: strategySchema,
  /** Days between two rotations: Secrets Manager keeps the schedule of its own, the function that of a vault's. Both are watched by age. */
  everyDays: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1000)),
  password: v.strictObject({
    /** Characters; the directory's policy may ask for more. */
    length: v.pipe(v.number(), v.integer(), v.minValue(16), v.maxValue(127)),
    /** `safe`: letters, digits and - _ . ~ only, which need no escaping in URLs, shells, XML and connection strings (RFC 3986 section 2.3). */
    alphabet: v.picklist(['printable', 'safe']),
  }),
  /** What the account has to be able to do with its new password, besides binding at every domain controller. */
  test: v.strictObject({
    /** Distinguished names that it has to be able to read. */
    reads: v.optional(v.array(text), []),
    /** It has to be able to read changes by DirSync, as the connector's account does. */
    replicates: v.optional(v.boolean(), false),
  }),
  /** Seconds that domain controllers have to take over the new password from the one that got it. */
  replicationSeconds: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(600)),
});

export type CredentialSettings = v.InferOutput<typeof credentialSettingsSchema>;
export type StrategySettings = CredentialSettings['strategy'];

/** @throws ConfigurationError naming what is wrong where */
export function parseCredentialSettings(json: string): CredentialSettings {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), credentialSettingsSchema), json);
  if (parsed.success) return parsed.output;
  const wrong = parsed.issues.map((issue) => `${v.getDotPath(issue) ?? 'it'}: ${issue.message}`).join('; ');
  throw new ConfigurationError(`not the settings of a credential (${wrong}): deploy the function with the module that owns it`);
}

/** The accounts that a credential is about, by sAMAccountName. */
export const accountsOf = (strategy: StrategySettings): readonly string[] =>
  strategy.kind === 'alternating' ? strategy.accounts : [strategy.account];
