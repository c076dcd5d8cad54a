/** A credential as a team writes it in props, and the same checked and complete. */
import { Token } from 'cdktf';
import type { CredentialSettings } from '../../handlers/credentials/credential-settings.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { matching, type NonEmpty, present, WrongPropError, wholeNumber } from '../platform/prop-checks.ts';
import { ownSecret } from '../platform/secret.ts';
import { type CredentialPlace, checkedPlace, type ReplicaProps, type SecretPlaceProps } from './credential-place.ts';
import { type RotationRules, type RotationWindowProps, rotationRules } from './rotation-window.ts';

/** The account that may reset passwords: a secret of the team's own with JSON `{"username", "password"}` under Secrets Manager's own key, or another credential of the directory. */
export type ResetByProps =
  | { readonly secretArn: string; readonly credential?: never }
  | { readonly credential: string; readonly secretArn?: never };

/** How the password is changed. Accounts are sAMAccountNames. `docs/credential-rotation.md` says which one to choose. */
export type StrategyProps =
  /** The account changes its own password and needs no right for it. Consumers have to read the secret again once it is refused. */
  | { readonly kind: 'single'; readonly account: string }
  /** A delegated account resets it, also where nobody knows the old one. */
  | { readonly kind: 'reset'; readonly account: string; readonly resetBy: ResetByProps }
  /** Two accounts take turns: what consumers read stays valid until the next rotation. */
  | {
      readonly kind: 'alternating';
      readonly accounts: readonly [string, string];
      /** @default the idle account changes its own password */
      readonly resetBy?: ResetByProps;
      /** What to do where the two are not in the same groups. @default 'refuse' */
      readonly differences?: 'refuse' | 'report';
    };

export interface CredentialProps {
  /** Lower-case letters, digits and "-", unique in the environment: what events, logs and the secret call it. */
  readonly name: string;
  readonly strategy: StrategyProps;
  /** Where it is kept. @default a secret without a value is created; a person puts in what the account has now */
  readonly secret?: SecretPlaceProps;
  /** Days between two rotations, 1 to 1000; what is older raises an alarm. @default 30 */
  readonly everyDays?: number;
  /** When Secrets Manager may rotate it. @default any time of the day on which it is due */
  readonly window?: RotationWindowProps;
  /** `length` 16 to 127, more where the directory asks for it; `alphabet` 'safe': letters, digits and - _ . ~ alone. @default 32 'printable' characters */
  readonly password?: { readonly length?: number; readonly alphabet?: 'printable' | 'safe' };
  /**
   * What the account has to be able to do with its new password before consumers get it, besides binding: read these distinguished names, and
   * read changes as the connector does.
   *
   * @default binding alone; of the bind secret also reading changes, where the directory is read with replication rights
   */
  readonly test?: { readonly reads?: readonly string[]; readonly replicates?: boolean };
  /** Seconds, 0 to 600, that domain controllers have to take over the new password from the one that got it. @default 60 */
  readonly replicationSeconds?: number;
  /** ARN of the key that encrypts the secret. Readers in other accounts need one. @default Secrets Manager's own key */
  readonly kmsKeyArn?: string;
  /** Other regions to copy the created secret to. @default none */
  readonly replicas?: readonly ReplicaProps[];
}

/** A credential, checked and complete but for what is known only with its secret. */
export interface CredentialDefinition {
  readonly name: string;
  readonly strategy: StrategyProps;
  readonly place: CredentialPlace;
  readonly rules: RotationRules;
  readonly settings: Omit<CredentialSettings, 'name' | 'store' | 'strategy'>;
}

/** What a credential's props are checked against. */
export interface CredentialSurroundings {
  readonly environment: IntegrationEnvironment;
  /** The connector reads the directory with replication rights. */
  readonly replicates: boolean;
  readonly hasVault: boolean;
}

/** @throws WrongPropError naming each wrong value */
export function checkedCredential(props: CredentialProps, surroundings: CredentialSurroundings): CredentialDefinition {
  present('rotate has an entry that', props, 'give { name, strategy }');
  const name = known(
    'name of a credential',
    props.name,
    /^(?=.{1,64}$)[a-z0-9]+(?:-[a-z0-9]+)*$/,
    'give 1 to 64 lower-case letters, digits and "-"',
  );
  const of = `credential "${name}"`;
  const everyDays = wholeNumber(`everyDays of ${of}`, props.everyDays ?? 30, 1, 1000);
  const place = checkedPlace(of, props, surroundings);
  if (place.kind === 'vault' && props.window !== undefined) {
    throw new WrongPropError(`window of ${of} is given, but a vault has none: leave it out, rotate-credential rotates it when it is due`);
  }
  return {
    name,
    strategy: checkedStrategy(of, props.strategy, surroundings.environment),
    place,
    rules: rotationRules(`window of ${of}`, everyDays, props.window),
    settings: {
      everyDays,
      password: {
        length: wholeNumber(`password.length of ${of}`, props.password?.length ?? 32, 16, 127),
        alphabet: oneOf(`password.alphabet of ${of}`, props.password?.alphabet ?? 'printable', ['printable', 'safe']),
      },
      test: {
        reads: checkedReads(`test.reads of ${of}`, props.test?.reads ?? []),
        replicates: props.test?.replicates ?? (place.kind === 'bind' && surroundings.replicates),
      },
      replicationSeconds: wholeNumber(`replicationSeconds of ${of}`, props.replicationSeconds ?? 60, 0, 600),
    },
  };
}

function checkedReads(prop: string, reads: readonly string[]): string[] {
  const remedy = 'distinguished names such as OU=Apps,DC=corp,DC=example,DC=com';
  if (!Array.isArray(reads)) throw new WrongPropError(`${prop} is ${JSON.stringify(reads)}: give a list of ${remedy}`);
  return reads.map((dn) => matching(prop, dn, /^[^=]+=.+/, `give ${remedy}`));
}

/** The accounts that a credential is about. */
export const accountsOf = (strategy: StrategyProps): readonly string[] =>
  strategy.kind === 'alternating' ? strategy.accounts : [strategy.account];

export const resetByOf = (strategy: StrategyProps): ResetByProps | undefined => ('resetBy' in strategy ? strategy.resetBy : undefined);

function checkedStrategy(of: string, strategy: StrategyProps, environment: IntegrationEnvironment): StrategyProps {
  const prop = `strategy of ${of}`;
  present(prop, strategy, "give { kind: 'single' | 'reset' | 'alternating' } with its accounts");
  oneOf(`kind of ${prop}`, strategy.kind, ['single', 'reset', 'alternating']);
  const resetBy = checkedResetBy(prop, strategy, environment);
  if (strategy.kind !== 'alternating') {
    const account = checkedAccount(`account of ${prop}`, strategy.account);
    return resetBy === undefined ? { kind: 'single', account } : { kind: 'reset', account, resetBy };
  }
  if (!Array.isArray(strategy.accounts) || strategy.accounts.length !== 2) {
    throw new WrongPropError(`accounts of ${prop} is ${JSON.stringify(strategy.accounts)}: give the two accounts that take turns`);
  }
  const [one, other] = strategy.accounts;
  const accounts: readonly [string, string] = [checkedAccount(`accounts of ${prop}`, one), checkedAccount(`accounts of ${prop}`, other)];
  if (one.toLowerCase() === other.toLowerCase()) {
    throw new WrongPropError(`accounts of ${prop} has "${one}" twice: give two accounts, or the strategy single`);
  }
  const differences = oneOf(`differences of ${prop}`, strategy.differences ?? 'refuse', ['refuse', 'report']);
  return { kind: 'alternating', accounts, differences, ...(resetBy === undefined ? {} : { resetBy }) };
}

function checkedResetBy(prop: string, strategy: StrategyProps, environment: IntegrationEnvironment): ResetByProps | undefined {
  const resetBy = resetByOf(strategy);
  const remedy = 'give { secretArn } of the account that may reset passwords, or { credential } with the name of another credential';
  if (resetBy === undefined) {
    if (strategy.kind === 'reset') throw new WrongPropError(`resetBy of ${prop} is missing: ${remedy}`);
    return undefined;
  }
  if (strategy.kind === 'single') {
    throw new WrongPropError(
      `resetBy of ${prop} is given, but with the strategy single an account changes its own password: leave it out, or choose reset`,
    );
  }
  const { secretArn, credential } = present(`resetBy of ${prop}`, resetBy, remedy);
  if ((secretArn === undefined) === (credential === undefined)) {
    throw new WrongPropError(`resetBy of ${prop} is ${JSON.stringify(resetBy)}: ${remedy}`);
  }
  return credential === undefined ? { secretArn: ownSecret(`resetBy.secretArn of ${prop}`, secretArn ?? '', environment) } : { credential };
}

/** sAMAccountName, as the function reads it (MS-SAMR section 3.1.1.6). */
const checkedAccount = (prop: string, account: string): string =>
  known(prop, account, /^[^"/\\[\]:;|=,+*?<>\p{Cc}]{1,20}$/u, 'give a sAMAccountName of at most 20 characters, without domain');

/** A value that settings and names of resources are made of: it has to be there at synth. */
function known(prop: string, value: string, format: RegExp, remedy: string): string {
  if (Token.isUnresolved(value)) throw new WrongPropError(`${prop} is known only at apply: write it in the props`);
  return matching(prop, value, format, remedy);
}

function oneOf<T extends string>(prop: string, value: T, values: NonEmpty<T>): T {
  if (!values.includes(value))
    throw new WrongPropError(`${prop} is ${JSON.stringify(value)}: give ${values.map((one) => `"${one}"`).join(' or ')}`);
  return value;
}
