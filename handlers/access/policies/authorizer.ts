/** Cedar's word on a grant: allowed by a policy, forbidden by one, permitted by none, or not to be told. Only the first gives a role. */
import { createHash } from 'node:crypto';
import {
  type AuthorizationAnswer,
  type EntityJson,
  preparsePolicySet,
  preparseSchema,
  statefulIsAuthorized,
} from '@cedar-policy/cedar-wasm/nodejs';
import type { ObjectRow } from '../../directory/mirror.ts';
import type { EffectiveGroup } from '../../directory/principals.ts';
import { ConfigurationError } from '../../platform/errors.ts';
import { datetime, type PolicyRole, roleEntity, userEntity } from './entities.ts';
import { type PolicySet, type PolicySetOptions, readPolicySet } from './policy-set.ts';
import { grantAction } from './schema.ts';

export interface GrantRequest {
  readonly principal: ObjectRow;
  /** All its effective groups. */
  readonly groups: readonly EffectiveGroup[];
  readonly role: PolicyRole;
  readonly context: {
    /** ISO 8601. */
    readonly now: string;
    /** The principal holds the role already. */
    readonly existing: boolean;
    /** Id of the mapping that would give it. */
    readonly mapping: string;
  };
}

/** A policy that decided, with its annotations. */
export interface DecidingPolicy {
  readonly id: string;
  readonly annotations: Record<string, string>;
}

export type Verdict =
  /** `policies`: ids of those that permit it. */
  | { readonly allowed: true; readonly policies: string[] }
  | {
      readonly allowed: false;
      readonly reason: 'forbidden' | 'not-permitted' | 'policy-error';
      readonly policies: DecidingPolicy[];
      /** For a person. */
      readonly detail: string;
    };

export interface Authorizer {
  /** Ids of the groups that policies name. */
  readonly groups?: ReadonlySet<string>;
  /** What cannot be evaluated is denied with the reason `policy-error`. @throws for a fault of Cedar's code: nothing is decided then */
  authorize(request: GrantRequest): Verdict;
}

/**
 * Checks policies as a deployment would run them: parses, validates against the schema, looks for names that never match.
 *
 * @throws ConfigurationError naming each file, policy and position that is wrong, and the remedy
 */
export function checkPolicies(options: PolicySetOptions): void {
  readPolicySet(options);
}

/**
 * An authorizer for a set of policies, which are parsed once.
 *
 * @throws ConfigurationError as `checkPolicies`
 */
export function createAuthorizer(options: PolicySetOptions): Authorizer {
  const set = readPolicySet(options);
  // Cedar keeps what it parsed under a name, for as long as the process lives: the same set has the same name.
  const name = createHash('sha256')
    .update(JSON.stringify([set.texts, set.schema]))
    .digest('hex');
  for (const answer of [preparseSchema(name, set.schema), preparsePolicySet(name, { staticPolicies: { ...set.texts } })]) {
    if (answer.type === 'failure')
      throw new ConfigurationError(`policies are wrong: ${answer.errors.map(({ message }) => message).join('; ')}`);
  }
  // A decision asks about one principal's roles in a row: the rows are the same objects, and so is the entity.
  let last: (Pick<GrantRequest, 'principal' | 'groups'> & { readonly user: EntityJson }) | undefined;
  const userOf = ({ principal, groups }: GrantRequest): EntityJson => {
    if (last?.principal !== principal || last.groups !== groups)
      last = { principal, groups, user: userEntity(principal, groups, set.groups, options.attributes) };
    return last.user;
  };
  return {
    groups: set.groups,
    authorize(request) {
      try {
        return verdictOf(evaluate(request, userOf(request), name), set);
      } catch (error) {
        // A trap of WebAssembly is a fault of Cedar's code, perhaps for all that follows, and no verdict: the message is tried again, and nobody loses by it
        // what no policy forbade. Anything else is of this request alone.
        if (error instanceof Error && error.name === 'RuntimeError') throw error;
        return failed(`policies could not be evaluated: ${error instanceof Error ? error.message : String(error)}`);
      }
    },
  };
}

function evaluate({ role, context }: GrantRequest, user: EntityJson, name: string) {
  const resource = roleEntity(role);
  return statefulIsAuthorized({
    principal: user.uid,
    action: grantAction,
    resource: resource.uid,
    context: { now: datetime(new Date(context.now).toISOString()), existing: context.existing, mapping: context.mapping },
    preparsedSchemaName: name,
    preparsedPolicySetId: name,
    validateRequest: true,
    entities: [user, resource],
  });
}

function verdictOf(answer: AuthorizationAnswer, { annotations }: PolicySet): Verdict {
  if (answer.type === 'failure')
    return failed(`policies could not be evaluated: ${answer.errors.map(({ message }) => message).join('; ')}`);
  const { decision, diagnostics } = answer.response;
  const deciding = (ids: readonly string[]): DecidingPolicy[] =>
    [...ids].sort().map((id) => ({ id, annotations: { ...annotations.get(id) } }));
  const reasons = deciding(diagnostics.reason);
  if (decision === 'deny' && reasons.length > 0) {
    const why = reasons.map((policy) => (policy.annotations.reason ? `${policy.id}: ${policy.annotations.reason}` : policy.id));
    return { allowed: false, reason: 'forbidden', policies: reasons, detail: `forbidden by ${why.join('; ')}` };
  }
  // Cedar passes over a policy that fails. It could be the one that forbids, so its failure denies (invariant 7).
  if (diagnostics.errors.length > 0) {
    const errors = diagnostics.errors.map(({ error }) => error.message);
    return failed(`policies could not be evaluated: ${errors.join('; ')}`, deciding(diagnostics.errors.map(({ policyId }) => policyId)));
  }
  if (decision === 'allow') return { allowed: true, policies: reasons.map(({ id }) => id) };
  return { allowed: false, reason: 'not-permitted', policies: [], detail: 'no policy permits it' };
}

const failed = (detail: string, policies: DecidingPolicy[] = []): Verdict => ({ allowed: false, reason: 'policy-error', policies, detail });
