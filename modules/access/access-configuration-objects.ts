/** What decide-access goes by, as objects whose content a plan shows: role mappings with their targets, and each file of policies. */
import { type AccessTarget, parseAccessConfiguration } from '../../handlers/access/access-configuration.ts';
import { checkPolicies } from '../../handlers/access/policies/authorizer.ts';
import type { RoleMapping } from '../../handlers/access/role-mapping.ts';
import type { ConfigurationBucket, ConfigurationObject } from '../platform/configuration-bucket.ts';
import { hasToken, type NonEmpty, nonEmpty, WrongPropError } from '../platform/prop-checks.ts';
import { withDomains } from './mapping-domains.ts';
import { readPolicyFiles, starterPolicies } from './policy-files.ts';

export interface AccessProps {
  /** Which group of the directory gives which role, at which targets. `targets` may be left out where there is only one. */
  readonly roleMappings: NonEmpty<RoleMapping>;
  /**
   * Cedar policies, which every grant has to pass: paths of `.cedar` files, or of folders of them.
   *
   * @default starterPolicies.mappedGrants alone: what a role mapping gives is granted
   */
  readonly policies?: readonly string[];
  /** What becomes of a role that somebody holds and that a policy forbids by now: it ends, or it stays and is told of. @default 'revoke' */
  readonly onViolation?: 'revoke' | 'report';
  /** Hours after which everybody is decided for anew although nothing changed: conditions on time pass without an event. @default 24 */
  readonly revalidateEveryHours?: number;
}

/** What deciding has to know of a target. */
export type TargetOfRoles = AccessTarget;

/** What the props may name. */
export interface AccessSurroundings {
  readonly targets: Readonly<Record<string, TargetOfRoles>>;
  /** Directory attributes that policies may use. */
  readonly attributes: readonly string[];
  readonly domains: readonly string[];
}

export interface AccessObjects {
  readonly configuration: ConfigurationObject;
  readonly policies: readonly ConfigurationObject[];
}

/** @throws WrongPropError or ConfigurationError naming each wrong value, before anything of it is deployed */
export function addAccessConfiguration(bucket: ConfigurationBucket, props: AccessProps, surroundings: AccessSurroundings): AccessObjects {
  const { targets, attributes, domains } = surroundings;
  const files = readPolicyFiles(props.policies ?? [starterPolicies.mappedGrants]);
  const known = { targets: Object.keys(targets), ...(hasToken(domains) ? {} : { domains }) };
  if (hasToken(props.roleMappings)) {
    throw new WrongPropError('roleMappings is known only at apply: write the mappings in the props, so that a plan shows them');
  }
  nonEmpty('roleMappings', props.roleMappings, 'give at least one mapping of a group to a role');
  if (hasToken(targets)) {
    throw new WrongPropError(
      'a target has accounts or attributes that are known only at apply: write them in the props, mappings are checked by them',
    );
  }
  checkAttributes(targets, attributes);
  checkPolicies({ policies: files, attributes, known });
  const policies = files.map(({ name, text }) => ({
    name,
    object: bucket.addText(`policy-${name.replace(/\.cedar$/, '')}`, {
      folder: 'policies',
      extension: 'cedar',
      contentType: 'text/plain; charset=utf-8',
      text,
    }),
  }));
  const configuration = parseAccessConfiguration({
    mappings: props.roleMappings,
    targets,
    policies: policies.map(({ name, object: { key } }) => ({ name, key })),
    policyAttributes: attributes,
    onViolation: props.onViolation ?? 'revoke',
    revalidateEveryHours: props.revalidateEveryHours ?? 24,
  });
  // Names that are known only at apply cannot be compared: groups of any directory are selected then.
  const mappings = hasToken(domains) ? configuration.mappings : withDomains(configuration.mappings, domains);
  return {
    configuration: bucket.addJson('access', 'access', { ...configuration, mappings }),
    policies: policies.map(({ object }) => object),
  };
}

/** What is mirrored of every user without being asked for (`handlers/directory/directory-source.ts`). */
const ofEveryUser = ['userPrincipalName', 'sAMAccountName', 'displayName', 'givenName', 'sn', 'mail'];

/** An attribute that nobody mirrors would be empty for everybody. */
function checkAttributes(targets: AccessSurroundings['targets'], attributes: readonly string[]): void {
  const mirrored = new Set([...ofEveryUser, ...attributes].map((name) => name.toLowerCase()));
  for (const [target, settings] of Object.entries(targets)) {
    for (const [name, attribute] of Object.entries(settings.attributes)) {
      if (typeof attribute !== 'string' || mirrored.has(attribute.toLowerCase())) continue;
      throw new WrongPropError(
        `attributes of target "${target}" take ${name} from "${attribute}", which no directory mirrors: add it to a directory's capture.attributes`,
      );
    }
  }
}
