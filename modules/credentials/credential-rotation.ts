/**
 * Rotates the passwords of accounts of one directory: a rotate-credential with a network, a role and a table of its own, which Secrets Manager,
 * a schedule and events call.
 */
import { LambdaPermission } from '@cdktf/provider-aws/lib/lambda-permission/index.js';
import { Construct } from 'constructs';
import type { rotateCredentialEnvironment } from '../../handlers/credentials/rotate-credential/environment.ts';
import type { Environment } from '../../handlers/platform/environment.ts';
import { repeated } from '../directory/directory-name.ts';
import type { WatchedDirectory } from '../directory/watched-directory.ts';
import type { IdentityBus } from '../events/identity-bus.ts';
import { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { MessageQueue } from '../platform/message-queue.ts';
import { type Condition, onlyPartitions } from '../platform/policy.ts';
import { type NonEmpty, nonEmpty, WrongPropError, wholeNumber } from '../platform/prop-checks.ts';
import { ScheduledCall } from '../platform/scheduled-call.ts';
import { Table } from '../platform/table.ts';
import { CredentialMetrics } from './credential-metrics.ts';
import { type CredentialEndpoints, CredentialNetwork } from './credential-network.ts';
import { accountsOf, type CredentialDefinition, type CredentialProps, checkedCredential, resetByOf } from './credential-props.ts';
import {
  invokeRotationActions,
  keepRotationActions,
  readResetSecretActions,
  readSettingsActions,
  rotateSecretActions,
  useCredentialKeyActions,
} from './permissions.ts';
import { RotatedCredential } from './rotated-credential.ts';
import { checkedVault, type VaultDefinition, type VaultProps } from './vault-props.ts';

/** The credentials of one directory's accounts. */
export interface DirectoryCredentialsProps {
  /** What rotates: accounts of this directory, each in one credential. */
  readonly rotate: NonEmpty<CredentialProps>;
  /** The endpoints that rotate-credential needs besides the directory's. */
  readonly endpoints: CredentialEndpoints;
  /** The vault of the credentials that have a `vaultPath`. @default none */
  readonly vault?: VaultProps;
  /** Minutes between two looks at all credentials: at their age, at passwords that somebody else changed, and at rotations that were interrupted; 5 to 1440. @default 60 */
  readonly checkEveryMinutes?: number;
}

export interface CredentialRotationProps extends DirectoryCredentialsProps {
  readonly environment: IntegrationEnvironment;
  readonly bus: IdentityBus;
  readonly directory: WatchedDirectory;
}

/** What others tell of a credential, with detail `{credential, reason}`: a secret scanner's finding, for one. */
export const compromisedSignal = 'CredentialCompromised';

export class CredentialRotation extends Construct {
  /** Settings of the credentials, and what rotate-credential noted of each. */
  readonly table: Table;
  readonly queue: MessageQueue;
  readonly rotateCredential: HandlerFunction;
  readonly credentials: readonly RotatedCredential[];
  readonly #props: CredentialRotationProps;

  constructor(scope: Construct, id: string, props: CredentialRotationProps) {
    super(scope, id);
    this.#props = props;
    const { environment, bus, directory } = props;
    const { name } = directory;
    const minutes = wholeNumber(`checkEveryMinutes of credentials of "${name}"`, props.checkEveryMinutes ?? 60, 5, 1440);
    const vault = props.vault && checkedVault(`vault of credentials of "${name}"`, props.vault);
    const definitions = checkedDefinitions(props);
    const functionName = environment.resourceName(
      'function',
      `rotate-credential-${name}`,
      "prefix, the environment's name or the directory's",
    );
    this.table = new Table(this, 'table', {
      environment,
      name: `credentials-${name}`,
      shape: { rangeKey: 'sk', attribute: ['pk', 'sk'].map((key) => ({ name: key, type: 'S' })) },
    });
    this.credentials = definitions.map(
      (definition) =>
        new RotatedCredential(this, `credential-${definition.name}`, {
          environment,
          directory: name,
          definition,
          bindSecretArn: directory.directory.bindSecretArn,
        }),
    );
    const resetBy = new Map(definitions.map((definition) => [definition.name, this.#resetSecret(definition)]));
    checkPlaces(this.credentials, definitions);

    this.rotateCredential = this.#rotateCredential(definitions, vault);
    const { rotateCredential } = this;
    this.queue = new MessageQueue(this, 'queue', {
      environment,
      name: `rotate-credential-${name}`,
      consumer: 'rotate-credential',
      visibilityTimeoutSeconds: 6 * rotateCredential.timeoutSeconds,
      deadLetters: rotateCredential.deadLetters,
    });
    const { domain } = directory.directory;
    bus.rule(this, `rotate-credential-${name}`, { types: ['PasswordChanged', 'AccessViolationFound'], domain, queue: this.queue });
    bus.rule(this, `credential-signals-${name}`, { signals: [compromisedSignal], queue: this.queue });
    // It reaches no SQS from the VPC: a message that failed comes again when its visibility timeout is over.
    rotateCredential.consumeQueue(this.queue, { batchSize: 10, maximumConcurrency: 2, postpones: false });
    new ScheduledCall(this, 'check', {
      environment,
      name: `check-credentials-${name}`,
      description: `looks at the credentials of ${domain}`,
      minutes,
      function: rotateCredential,
      input: { check: true },
    });
    this.#allow(resetBy, functionName, vault);
    const invocation = this.#allowInvocation();
    for (const credential of this.credentials) {
      credential.rotateWith(rotateCredential, this.table, resetBy.get(credential.name), invocation);
    }
    new CredentialMetrics(this, 'metrics', { environment, name, rotateCredential, functionName, checkEveryMinutes: minutes });
  }

  /** Name of the directory whose accounts these are. */
  get directoryName(): string {
    return this.#props.directory.name;
  }

  /** ARN of all secrets that are created for this directory: nothing else lies in that folder. */
  get #folder(): string {
    const { environment, directory } = this.#props;
    return environment.arn('secretsmanager', `secret:${environment.path(`credentials/${directory.name}`)}/*`);
  }

  /** Those in the folder are not named one by one: a hundred ARNs would not fit into a role's policy (IAM User Guide, "IAM and AWS STS quotas"). */
  get #secrets(): readonly string[] {
    const inFolder = this.credentials.some(({ created }) => created);
    const others = this.credentials.flatMap(({ secretArn, created }) => (secretArn === undefined || created ? [] : [secretArn]));
    return [...(inFolder ? [this.#folder] : []), ...others];
  }

  /** ARN of the secret of the account that resets the credential's. */
  #resetSecret({ name, strategy }: CredentialDefinition): string | undefined {
    const resetBy = resetByOf(strategy);
    if (resetBy === undefined) return undefined;
    const own = this.credentials.find((credential) => credential.name === name)?.secretArn;
    if (resetBy.secretArn !== undefined) {
      if (resetBy.secretArn === own)
        throw new WrongPropError(`resetBy.secretArn of credential "${name}" is its own secret: name that of the account that resets it`);
      return resetBy.secretArn;
    }
    const prop = `resetBy.credential of credential "${name}" is "${resetBy.credential}"`;
    if (resetBy.credential === name) throw new WrongPropError(`${prop}, itself: name the credential of the account that resets it`);
    const other = this.credentials.find((credential) => credential.name === resetBy.credential);
    const names = this.credentials.filter((credential) => credential.name !== name).map((credential) => credential.name);
    if (other === undefined)
      throw new WrongPropError(`${prop}, which the directory does not have: name one of ${names.join(', ') || 'its own credentials'}`);
    if (other.secretArn === undefined)
      throw new WrongPropError(`${prop}, which is kept in a vault: keep that of an account that resets others in Secrets Manager`);
    return other.secretArn;
  }

  #rotateCredential(definitions: readonly CredentialDefinition[], vault: VaultDefinition | undefined): HandlerFunction {
    const { environment, bus, directory: watched, endpoints } = this.#props;
    const { directory, name } = watched;
    const network = new CredentialNetwork(this, 'network', { environment, name, directory, endpoints, vault });
    const variables: Environment<typeof rotateCredentialEnvironment> = {
      CREDENTIALS_TABLE: this.table.name,
      DIRECTORY_DOMAIN: directory.domain,
      LDAPS_URLS: directory.ldapsUrls.join(','),
      LDAP_CA: directory.caCertificate,
      VAULT: vault?.variable ?? 'none',
      IDENTITY_BUS: bus.name,
    };
    return new HandlerFunction(this, 'rotate-credential', {
      environment,
      function: 'rotate-credential',
      instance: name,
      variables,
      invocation: 'asynchronous',
      // A step waits for the other domain controllers to take over what the first one got.
      timeoutSeconds: 120 + Math.max(...definitions.map(({ settings }) => settings.replicationSeconds)),
      network: { subnetIds: network.subnetIds, securityGroupIds: [network.securityGroupId] },
    });
  }

  #allow(resetBy: ReadonlyMap<string, string | undefined>, functionName: string, vault: VaultDefinition | undefined): void {
    const { environment, bus } = this.#props;
    const allow = (Sid: string, Action: readonly string[], Resource: readonly string[], condition?: Condition) => {
      if (Resource.length === 0) return;
      this.rotateCredential.allow({ Sid, Effect: 'Allow', Action, Resource, ...(condition && { Condition: condition }) });
    };
    // Settings are Terraform's: the function cannot give itself another account or secret.
    allow('ReadSettings', readSettingsActions, [this.table.arn], onlyPartitions('settings'));
    allow('KeepRotations', keepRotationActions, [this.table.arn], onlyPartitions('rotation'));
    const secrets = this.#secrets;
    allow('RotateSecrets', rotateSecretActions, secrets);
    if (secrets.length > 0) {
      // Written out: a reference would make function and policy need each other.
      allow('InvokeOwnRotation', invokeRotationActions, [environment.arn('lambda', `function:${functionName}`)]);
    }
    const own = new Set(this.credentials.map(({ secretArn }) => secretArn));
    const foreign = [...new Set(resetBy.values())].filter((arn): arn is string => arn !== undefined && !own.has(arn));
    allow('ReadResetSecrets', readResetSecretActions, foreign);
    const keys = [...new Set(this.credentials.flatMap(({ kmsKeyArn }) => (kmsKeyArn === undefined ? [] : [kmsKeyArn])))];
    allow('UseCredentialKeys', useCredentialKeyActions, keys, {
      StringEquals: { 'kms:ViaService': `secretsmanager.${environment.region}.amazonaws.com` },
      StringLike: { 'kms:EncryptionContext:SecretARN': secrets },
    });
    for (const statement of vault?.permissions ?? []) this.rotateCredential.allow(statement);
    bus.grantPutEvents(this.rotateCredential, 'active-directory.credentials');
  }

  /** Lets Secrets Manager call the function for secrets of the folder; a function's policy, of 20 KB, would not hold a statement for each of many. */
  #allowInvocation(): readonly LambdaPermission[] {
    if (!this.credentials.some(({ created }) => created)) return [];
    return [
      new LambdaPermission(this, 'invocation', {
        statementId: 'rotate-created-secrets',
        functionName: this.rotateCredential.functionName,
        action: invokeRotationActions[0],
        principal: 'secretsmanager.amazonaws.com',
        sourceAccount: this.#props.environment.account,
        sourceArn: this.#folder,
      }),
    ];
  }
}

function checkedDefinitions({ environment, directory, rotate, vault }: CredentialRotationProps): NonEmpty<CredentialDefinition> {
  const prop = `rotate of credentials of "${directory.name}"`;
  nonEmpty(prop, rotate, 'give at least one { name, strategy }');
  const surroundings = { environment, replicates: directory.replicates, hasVault: vault !== undefined };
  const definitions = rotate.map((props) => checkedCredential(props, surroundings));
  const name = repeated(definitions.map((definition) => definition.name));
  if (name !== undefined) throw new WrongPropError(`${prop} has two of the name "${name}": give one of them another name`);
  const account = repeated(definitions.flatMap(({ strategy }) => accountsOf(strategy).map((one) => one.toLowerCase())));
  if (account !== undefined)
    throw new WrongPropError(`${prop} has the account "${account}" in two credentials: an account has one password, keep it in one`);
  const others = definitions.filter(({ place }) => place.kind === 'existing' || place.kind === 'bind').length;
  if (others > mostOtherSecrets) {
    throw new WrongPropError(
      `${prop} has ${others} secrets that are not created here, ${mostOtherSecrets} fit into the function's policy: let the others be created`,
    );
  }
  if (vault !== undefined && !definitions.some(({ place }) => place.kind === 'vault')) {
    throw new WrongPropError(
      `vault of credentials of "${directory.name}" keeps none of them: give one a secret.vaultPath, or leave the vault out`,
    );
  }
  return nonEmpty(prop, definitions, 'give at least one');
}

/**
 * So many statements of 450 characters fit into a function's policy of 20 KB (AWS Lambda Developer Guide, "Lambda quotas"): each secret that is not
 * created here takes one.
 */
const mostOtherSecrets = 40;

/** Two credentials in one place would overwrite each other. */
function checkPlaces(credentials: readonly RotatedCredential[], definitions: readonly CredentialDefinition[]): void {
  const arn = repeated(credentials.flatMap(({ secretArn }) => (secretArn === undefined ? [] : [secretArn])));
  const path = repeated(definitions.flatMap(({ place }) => (place.kind === 'vault' ? [place.path] : [])));
  const place = arn ?? path;
  if (place === undefined) return;
  const sharing = definitions.filter(
    ({ place: one }, index) => credentials[index]?.secretArn === place || (one.kind === 'vault' && one.path === place),
  );
  throw new WrongPropError(
    `secret of credentials ${sharing.map(({ name }) => `"${name}"`).join(' and ')} is the same: give each a place of its own`,
  );
}
