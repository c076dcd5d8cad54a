/** What decide-access goes by: an object in S3, written by the deployment, checked at synth and again when it is loaded. */
import * as v from 'valibot';
import { attributeName, wholeHours, wrongValues } from '../directory/attribute-names.ts';
import { ConfigurationError } from '../platform/errors.ts';
import { grantKey, profileAttributes } from './grants.ts';
import { capturesIn, identifier, type RoleMapping, roleMappingSchema, type TargetedMapping } from './role-mapping.ts';

const text = v.pipe(v.string(), v.nonEmpty('is empty'));

const target = v.strictObject({
  attributes: v.record(v.picklist(profileAttributes, `must be one of ${profileAttributes.join(', ')}`), attributeName),
  assignable: v.optional(
    v.strictObject({ accounts: v.pipe(v.array(text), v.readonly()), permissionSets: v.pipe(v.array(text), v.readonly()) }),
  ),
});
export type AccessTarget = v.InferOutput<typeof target>;

const areUnique = (items: readonly unknown[]): boolean => new Set(items).size === items.length;

const schema = v.strictObject({
  mappings: v.pipe(
    v.array(roleMappingSchema),
    v.minLength(1, 'names no role mapping: nobody would hold a role'),
    v.maxLength(1000, 'more than 1,000 role mappings'),
    v.check((mappings) => areUnique(mappings.map(({ id }) => id)), 'two role mappings have the same id'),
  ),
  targets: v.pipe(
    v.record(identifier, target),
    v.check((targets) => Object.keys(targets).length > 0, 'names no target'),
  ),
  policies: v.pipe(
    v.array(v.strictObject({ name: text, key: text })),
    // Cedar permits nothing that no policy permits.
    v.minLength(1, 'names no policy: nothing would be granted'),
    v.check((policies) => areUnique(policies.map(({ name }) => name)), 'two policies have the same name'),
    v.readonly(),
  ),
  policyAttributes: v.pipe(v.array(attributeName), v.readonly()),
  onViolation: v.picklist(['revoke', 'report'], 'must be revoke or report'),
  revalidateEveryHours: v.optional(wholeHours, 24),
});

/**
 * - `mappings`: see `RoleMapping`; `targets` are filled in.
 * - `targets`: by name. `attributes`: the directory attribute of each attribute of a profile, where it is not the default (see `profileOf`);
 *   `assignable`: AWS accounts and permission sets that roles there may bring.
 * - `policies`: name and S3 key (in the same bucket) of each file of Cedar policies.
 * - `policyAttributes`: directory attributes that policies may use.
 * - `onViolation`: what becomes of a role that somebody holds and that a policy forbids by now: it ends, or stays and is told of.
 * - `revalidateEveryHours`: 1 to 168, default 24.
 */
export type AccessConfiguration = Omit<v.InferOutput<typeof schema>, 'mappings'> & { readonly mappings: readonly TargetedMapping[] };

/** Checks a configuration and fills in defaults. @throws ConfigurationError naming each wrong value, its place and the remedy */
export function parseAccessConfiguration(value: unknown): AccessConfiguration {
  const parsed = v.safeParse(schema, value);
  if (!parsed.success) throw wrong(wrongValues(parsed.issues, 'configuration'));
  const { targets } = parsed.output;
  const [only, ...others] = Object.keys(targets);
  const standard = only !== undefined && others.length === 0 ? [only] : [];
  const mappings = parsed.output.mappings.map((mapping) => ({ ...mapping, targets: mapping.targets ?? standard }));
  const problems = [...mappings.flatMap((mapping, index) => targetProblems(mapping, index, targets)), ...disagreements(mappings)];
  if (problems.length > 0) throw wrong(problems.join('; '));
  return { ...parsed.output, mappings };
}

const wrong = (problems: string) => new ConfigurationError(`access configuration is wrong: ${problems}`);

/** What a mapping asks of targets that they have not. */
function targetProblems(mapping: TargetedMapping, index: number, targets: Readonly<Record<string, AccessTarget>>): readonly string[] {
  const at = `mappings.${index}`;
  const names = Object.keys(targets).join(', ');
  if (mapping.targets.length === 0) return [`${at}.targets is left out, and there are several: name one or more of ${names}`];
  return mapping.targets.flatMap((name) => {
    const target = Object.hasOwn(targets, name) ? targets[name] : undefined;
    if (target === undefined) return [`${at}.targets names "${name}", where no role can exist: name one of ${names}`];
    const { assignments = [] } = mapping;
    const { assignable } = target;
    if (assignable === undefined) {
      return assignments.length === 0
        ? []
        : [`${at}.assignments are for "${name}", which takes none: give a mapping of its own to a target that does`];
    }
    const isMissing = (text: string, known: readonly string[]) => capturesIn(text).length === 0 && !known.includes(text);
    return assignments.flatMap(({ account, permissionSet }, number) => {
      const missing = [
        ...(isMissing(account, assignable.accounts) ? [`account "${account}"`] : []),
        ...(isMissing(permissionSet, assignable.permissionSets) ? [`permissionSet "${permissionSet}"`] : []),
      ];
      return missing.map(
        (what) => `${at}.assignments.${number}.${what} is none of the target "${name}": add it there, or name one that is`,
      );
    });
  });
}

/** A role is one thing at a target, whichever mapping gives it: what it brings, and what policies know of it, cannot depend on the mapping. */
function disagreements(mappings: readonly TargetedMapping[]): readonly string[] {
  const first = new Map<string, TargetedMapping>();
  return mappings.flatMap((mapping, index) =>
    mapping.targets.flatMap((target) => {
      const { id, role, ...other } = mapping;
      const key = grantKey({ target, role });
      const before = first.get(key) ?? mapping;
      first.set(key, before);
      return (['assignments', 'labels'] as const)
        .filter((property) => listed(before[property]) !== listed(other[property]))
        .map(
          (property) =>
            `mappings.${index}.${property} of "${id}" for the role "${role}" at "${target}" are not those of "${before.id}": give both the same`,
        );
    }),
  );
}

const listed = (items: RoleMapping['assignments' | 'labels']): string =>
  JSON.stringify((items ?? []).map((item) => (typeof item === 'string' ? item : `${item.account} ${item.permissionSet}`)).sort());
