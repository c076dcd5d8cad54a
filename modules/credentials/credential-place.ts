/** Where a credential is kept: a secret that is created, one that exists, the directory's bind secret, or a path in a vault. */
import { Token } from 'cdktf';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { formats, matching, present, WrongPropError } from '../platform/prop-checks.ts';
import { ownSecret } from '../platform/secret.ts';
import type { CredentialProps, CredentialSurroundings } from './credential-props.ts';

export type SecretPlaceProps =
  /** A secret of the team's own, in the environment's account and region. */
  | { readonly arn: string; readonly bindSecret?: never; readonly vaultPath?: never }
  /** The secret that detect-changes binds with: the connector's own account rotates. */
  | { readonly bindSecret: true; readonly arn?: never; readonly vaultPath?: never }
  /** Path in the vault's KV version 2 engine, without mount and without `data/`. */
  | { readonly vaultPath: string; readonly arn?: never; readonly bindSecret?: never };

export interface ReplicaProps {
  /** Region to copy the secret to, with each rotation. */
  readonly region: string;
  /** ARN of a key of that region. @default Secrets Manager's own key there */
  readonly kmsKeyArn?: string;
}

export type CredentialPlace =
  | { readonly kind: 'created'; readonly kmsKeyArn?: string; readonly replicas: readonly ReplicaProps[] }
  | { readonly kind: 'existing'; readonly arn: string; readonly kmsKeyArn?: string }
  | { readonly kind: 'bind' }
  | { readonly kind: 'vault'; readonly path: string };

/** @param of whose place it is, for errors @throws WrongPropError naming each wrong value */
export function checkedPlace(of: string, props: CredentialProps, surroundings: CredentialSurroundings): CredentialPlace {
  const { environment, hasVault } = surroundings;
  const replicas = props.replicas ?? [];
  const key = props.kmsKeyArn === undefined ? {} : { kmsKeyArn: keyArn(`kmsKeyArn of ${of}`, props.kmsKeyArn, environment.region) };
  if (props.secret === undefined) return { kind: 'created', ...key, replicas: checkedReplicas(of, replicas, environment) };
  const remedy = 'give one of { arn }, { bindSecret: true } and { vaultPath }, or leave it out and a secret is created';
  const given = Object.entries(present(`secret of ${of}`, props.secret, remedy)).filter(([, value]) => value !== undefined);
  if (given.length !== 1) throw new WrongPropError(`secret of ${of} is ${JSON.stringify(props.secret)}: ${remedy}`);
  if (replicas.length > 0)
    throw new WrongPropError(
      `replicas of ${of} are of a secret that is not created here: leave them out, and replicate that secret where it is made`,
    );
  const { arn, bindSecret, vaultPath } = props.secret;
  if (arn !== undefined) return { kind: 'existing', arn: ownSecret(`secret.arn of ${of}`, arn, environment), ...key };
  if (props.kmsKeyArn !== undefined) {
    throw new WrongPropError(
      `kmsKeyArn of ${of} is given: leave it out, ${vaultPath === undefined ? "the bind secret is under Secrets Manager's own key" : 'a vault has keys of its own'}`,
    );
  }
  if (bindSecret === true) return { kind: 'bind' };
  if (vaultPath === undefined) throw new WrongPropError(`secret of ${of} is ${JSON.stringify(props.secret)}: ${remedy}`);
  matching(
    `secret.vaultPath of ${of}`,
    vaultPath,
    /^[\w.-]+(?:\/[\w.-]+)*$/,
    'give a path such as apps/wiki, without mount and without data/',
  );
  if (!hasVault)
    throw new WrongPropError(
      `secret.vaultPath of ${of} is "${vaultPath}", but there is no vault: give the directory's credentials a vault`,
    );
  return { kind: 'vault', path: vaultPath };
}

function checkedReplicas(of: string, replicas: readonly ReplicaProps[], { region: own }: IntegrationEnvironment): readonly ReplicaProps[] {
  const prop = `replicas of ${of}`;
  if (!Array.isArray(replicas)) throw new WrongPropError(`${prop} is ${JSON.stringify(replicas)}: give a list of { region }`);
  const regions = replicas.map((replica: ReplicaProps) => {
    const { region } = present(`${prop} has an entry that`, replica, 'give { region }');
    return matching(`${prop}.region`, region, formats.region, 'give a region such as eu-west-1');
  });
  if (regions.includes(own)) throw new WrongPropError(`${prop} has "${own}", where the secret itself is: leave it out`);
  const again = regions.find((region, index) => regions.indexOf(region) !== index);
  if (again !== undefined) throw new WrongPropError(`${prop} has "${again}" twice: leave one out`);
  for (const { region, kmsKeyArn } of replicas) if (kmsKeyArn !== undefined) keyArn(`${prop}.kmsKeyArn`, kmsKeyArn, region);
  return replicas;
}

/** A key, not an alias: policies name keys (AWS KMS Developer Guide, "Key identifiers"). */
function keyArn(prop: string, arn: string, region: string): string {
  const remedy = `give the ARN of a key of ${region}, arn:aws:kms:${region}:<account>:key/<id>`;
  matching(prop, arn, /^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/(?:mrk-)?[0-9a-f-]{32,36}$/, remedy);
  if (!Token.isUnresolved(arn) && !Token.isUnresolved(region) && arn.split(':')[3] !== region) {
    throw new WrongPropError(`${prop} is "${arn}", of another region: ${remedy}`);
  }
  return arn;
}
