/** The vault that keeps credentials in place of Secrets Manager, checked as the function itself will check it, and the way to it. */
import { Token } from 'cdktf';
import type * as v from 'valibot';
import { parseVaultSettings, type VaultSettings, type vaultSettingsSchema } from '../../handlers/credentials/vault/vault-settings.ts';
import { identityTokenSeconds, identityTokenSigning } from '../../handlers/platform/identity-token.ts';
import type { Destination } from '../directory/directory-network.ts';
import type { Statement } from '../platform/policy.ts';
import { formats, matching, present, WrongPropError, wholeNumber } from '../platform/prop-checks.ts';
import { literal } from '../platform/terraform-text.ts';
import { proveIdentityActions } from './permissions.ts';

/** A HashiCorp Vault or OpenBao server with a KV version 2 engine. */
export type VaultProps = v.InferInput<typeof vaultSettingsSchema> & {
  /** Where it is, seen from the directory's VPC, at the port of its address: a range of IPv4 addresses, or a security group. */
  readonly network:
    | { readonly cidr: string; readonly securityGroupId?: never }
    | { readonly securityGroupId: string; readonly cidr?: never };
};

export interface VaultDefinition {
  /** The environment variable `VAULT`. */
  readonly variable: string;
  readonly port: number;
  readonly destination: Destination;
  /** What the function needs of AWS to log in. */
  readonly permissions: readonly Statement[];
  /** It is logged in to with a token that STS gives the function. */
  readonly needsSts: boolean;
}

/** @throws WrongPropError naming each wrong value */
export function checkedVault(prop: string, props: VaultProps): VaultDefinition {
  const { network, ...settings } = present(prop, props, 'give address, mount, login and network');
  if (Token.isUnresolved(settings.address)) {
    throw new WrongPropError(`${prop}.address is known only at apply: write it in the props, the security group opens its port`);
  }
  const checked = checkedSettings(prop, settings);
  const { address, login } = checked;
  const { port, protocol } = new URL(address);
  return {
    variable: literal(JSON.stringify(checked)),
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
    destination: destinationOf(`${prop}.network`, network),
    permissions: 'jwt' in login ? [proveIdentity(login.jwt.audience)] : [],
    // The AWS auth method takes a call that is signed and not made: Vault itself makes it.
    needsSts: 'jwt' in login,
  };
}

function checkedSettings(prop: string, settings: object): VaultSettings {
  try {
    const checked = parseVaultSettings(JSON.stringify(settings));
    if (checked) return checked;
  } catch (error) {
    const wrong = /\((.+)\)/s.exec((error as Error).message)?.[1] ?? (error as Error).message;
    throw new WrongPropError(`${prop} is wrong: ${wrong}; give { address, mount, login }`, { cause: error });
  }
  throw new WrongPropError(`${prop} is "none": leave it out, or give { address, mount, login, network }`);
}

function destinationOf(prop: string, network: VaultProps['network']): Destination {
  const { cidr, securityGroupId } = present(prop, network, 'give { cidr } or { securityGroupId }');
  if (cidr !== undefined && securityGroupId !== undefined) {
    throw new WrongPropError(`${prop} has both cidr and securityGroupId: give one of them`);
  }
  if (securityGroupId !== undefined) {
    matching(`${prop}.securityGroupId`, securityGroupId, formats.securityGroup, 'give an id such as sg-0123456789abcdef0');
    return { referencedSecurityGroupId: securityGroupId };
  }
  if (cidr === undefined) throw new WrongPropError(`${prop} is empty: give { cidr } or { securityGroupId }`);
  const remedy = 'give a range of IPv4 addresses such as 10.0.8.15/32';
  matching(`${prop}.cidr`, cidr, /^(?:\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, remedy);
  if (!Token.isUnresolved(cidr)) {
    const [address = '', prefix = ''] = cidr.split('/');
    for (const part of address.split('.')) wholeNumber(`${prop}.cidr "${cidr}"`, Number(part), 0, 255);
    // A password travels there: not to whatever answers anywhere.
    wholeNumber(`prefix of ${prop}.cidr "${cidr}"`, Number(prefix), 8, 32);
  }
  return { cidrIpv4: cidr };
}

/** A token for the vault's audience and nobody else (IAM User Guide, "Controlling access with IAM policies" of outbound federation). */
function proveIdentity(audience: string): Statement {
  return {
    Sid: 'ProveIdentityToVault',
    Effect: 'Allow',
    Action: proveIdentityActions,
    // The action knows no resource: a token is for an audience.
    Resource: ['*'],
    Condition: {
      'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': [audience] },
      // ForAllValues holds of no audience at all.
      Null: { 'sts:IdentityTokenAudience': 'false' },
      NumericLessThanEquals: { 'sts:DurationSeconds': String(identityTokenSeconds) },
      StringEquals: { 'sts:SigningAlgorithm': identityTokenSigning },
    },
  };
}
