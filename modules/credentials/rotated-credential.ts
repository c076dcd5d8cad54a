/** One credential: its secret and rotation, its settings in the credentials table, and who may read it. */
import { DynamodbTableItem } from '@cdktf/provider-aws/lib/dynamodb-table-item/index.js';
import { IamRolePolicy } from '@cdktf/provider-aws/lib/iam-role-policy/index.js';
import { LambdaPermission } from '@cdktf/provider-aws/lib/lambda-permission/index.js';
import { SecretsmanagerSecret } from '@cdktf/provider-aws/lib/secretsmanager-secret/index.js';
import { SecretsmanagerSecretPolicy } from '@cdktf/provider-aws/lib/secretsmanager-secret-policy/index.js';
import { SecretsmanagerSecretRotation } from '@cdktf/provider-aws/lib/secretsmanager-secret-rotation/index.js';
import { type ITerraformDependable, Lazy, Token } from 'cdktf';
import { Construct } from 'constructs';
import { type CredentialSettings, parseCredentialSettings } from '../../handlers/credentials/credential-settings.ts';
import type { HandlerFunction } from '../platform/handler-function.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { type Grantee, policyDocument, type Statement } from '../platform/policy.ts';
import { matching, WrongPropError } from '../platform/prop-checks.ts';
import type { Table } from '../platform/table.ts';
import { literal } from '../platform/terraform-text.ts';
import type { ReplicaProps } from './credential-place.ts';
import type { CredentialDefinition } from './credential-props.ts';
import { decryptCredentialActions, invokeRotationActions, readCredentialActions } from './permissions.ts';

export interface RotatedCredentialProps {
  readonly environment: IntegrationEnvironment;
  /** Name of the directory. */
  readonly directory: string;
  readonly definition: CredentialDefinition;
  readonly bindSecretArn: string;
}

/** A role that is not made by the modules: in the environment's account it gets a policy, in another one the secret's policy names it. */
export interface ReaderRole {
  /** `arn:aws:iam::111122223333:role/wiki` */
  readonly roleArn: string;
}

export class RotatedCredential extends Construct {
  readonly name: string;
  /** ARN of its secret; undefined: it is kept in a vault. */
  readonly secretArn: string | undefined;
  /** ARN of the key of its secret; undefined: Secrets Manager's own. */
  readonly kmsKeyArn: string | undefined;
  /** Its secret lies in the directory's folder of secrets. */
  readonly created: boolean;
  readonly #environment: IntegrationEnvironment;
  readonly #definition: CredentialDefinition;
  /** The created secret's name, where there is one. */
  readonly #path: string | undefined;
  readonly #readersElsewhere: string[] = [];
  readonly #readers = new Set<string>();

  constructor(scope: Construct, id: string, props: RotatedCredentialProps) {
    super(scope, id);
    const { environment, definition } = props;
    this.name = definition.name;
    this.#environment = environment;
    this.#definition = definition;
    const { place } = definition;
    this.kmsKeyArn = 'kmsKeyArn' in place ? place.kmsKeyArn : undefined;
    this.created = place.kind === 'created';
    this.#path = this.created ? environment.path(`credentials/${props.directory}/${this.name}`) : undefined;
    this.secretArn = this.#secret(props);
  }

  get #replicas(): readonly ReplicaProps[] {
    const { place } = this.#definition;
    return place.kind === 'created' ? place.replicas : [];
  }

  #secret({ environment, bindSecretArn, directory }: RotatedCredentialProps): string | undefined {
    const { place } = this.#definition;
    if (place.kind === 'vault') return undefined;
    if (place.kind === 'bind') return bindSecretArn;
    if (place.kind === 'existing') return place.arn;
    return new SecretsmanagerSecret(this, 'secret', {
      name: this.#path ?? '',
      description: `account of ${directory} that rotates: {"username": user principal name or distinguished name, "password"}`,
      recoveryWindowInDays: environment.deletionProtection ? 30 : 0,
      ...(this.kmsKeyArn === undefined ? {} : { kmsKeyId: this.kmsKeyArn }),
      ...(place.replicas.length === 0
        ? {}
        : {
            replica: place.replicas.map(({ region, kmsKeyArn }) => ({
              region,
              ...(kmsKeyArn === undefined ? {} : { kmsKeyId: kmsKeyArn }),
            })),
          }),
    }).arn;
  }

  /** Writes the settings, and has Secrets Manager rotate. @param resetBy ARN of the secret of the account that resets, where there is one */
  rotateWith(
    rotateCredential: HandlerFunction,
    table: Table,
    resetBy: string | undefined,
    permissions: readonly ITerraformDependable[],
  ): void {
    const settings = new DynamodbTableItem(this, 'settings', {
      tableName: table.name,
      hashKey: 'pk',
      rangeKey: 'sk',
      item: literal(
        JSON.stringify({ pk: { S: 'settings' }, sk: { S: this.name }, settings: { S: JSON.stringify(this.#settings(resetBy)) } }),
      ),
    });
    if (this.secretArn === undefined) return;
    new SecretsmanagerSecretRotation(this, 'rotation', {
      secretId: this.secretArn,
      rotationLambdaArn: rotateCredential.arn,
      rotationRules: { ...this.#definition.rules },
      // A created secret has no value yet. Secrets Manager runs testSecret alone then (Secrets Manager API Reference, RotateSecret).
      rotateImmediately: false,
      dependsOn: [settings, ...permissions, ...(this.#path === undefined ? [this.#allowInvocation(rotateCredential, this.secretArn)] : [])],
    });
  }

  /** Lets Secrets Manager call the function for a secret that does not lie in the directory's folder. */
  #allowInvocation(rotateCredential: HandlerFunction, secretArn: string): LambdaPermission {
    return new LambdaPermission(this, 'invocation', {
      statementId: `rotate-${this.name}`,
      functionName: rotateCredential.functionName,
      action: invokeRotationActions[0],
      principal: 'secretsmanager.amazonaws.com',
      sourceAccount: this.#environment.account,
      sourceArn: secretArn,
    });
  }

  /** As the function reads them. @throws WrongPropError for what the checks of props let pass */
  #settings(resetBy: string | undefined): CredentialSettings {
    const { strategy, settings, place } = this.#definition;
    const whole = {
      name: this.name,
      store: place.kind === 'vault' ? { vault: { path: place.path } } : { secretsManager: { secretArn: this.secretArn } },
      // JSON leaves out what is undefined.
      strategy: { ...strategy, resetBy },
      ...settings,
    };
    try {
      return parseCredentialSettings(JSON.stringify(whole));
    } catch (error) {
      const wrong = /\((.+)\)/s.exec((error as Error).message)?.[1] ?? (error as Error).message;
      throw new WrongPropError(`settings of credential "${this.name}" are wrong: ${wrong}; give what its props say`, { cause: error });
    }
  }

  /**
   * Lets a consumer read this credential and nothing else. A role of another account needs the same rights in its own account besides, and the
   * secret a key whose policy lets it decrypt.
   *
   * @example credentials.grantRead('wiki', { roleArn: 'arn:aws:iam::111122223333:role/wiki' });
   * @throws WrongPropError for a credential in a vault, whose policies are the vault's
   */
  grantRead(grantee: Grantee | ReaderRole): void {
    const of = `credential "${this.name}"`;
    if (this.secretArn === undefined)
      throw new WrongPropError(`${of} is kept in a vault: let its readers in there, by a policy of the vault`);
    if ('allow' in grantee) {
      for (const statement of this.#readStatements()) grantee.allow(statement);
      return;
    }
    const { roleArn } = grantee;
    if (Token.isUnresolved(roleArn)) throw new WrongPropError(`roleArn of a reader of ${of} is known only at apply: write it in the props`);
    matching(
      `roleArn of a reader of ${of}`,
      roleArn,
      /^arn:[a-z-]+:iam::\d{12}:role\/[\w+=,.@/-]+$/,
      'give arn:aws:iam::<account>:role/<name>',
    );
    if (this.#readers.has(roleArn)) throw new WrongPropError(`${of} is granted to ${roleArn} twice: grant it once`);
    this.#readers.add(roleArn);
    if (roleArn.split(':')[4] === this.#environment.account) this.#grantHere(roleArn);
    else this.#grantElsewhere(of, roleArn);
  }

  #grantHere(roleArn: string): void {
    const role = roleArn.slice(roleArn.lastIndexOf('/') + 1);
    new IamRolePolicy(this, `reader-${role}`, {
      name: `read-${this.#environment.prefix}-${this.#environment.name}-${this.name}`,
      role,
      policy: policyDocument(this.#readStatements()),
    });
  }

  /** AWS Secrets Manager User Guide, "Access AWS Secrets Manager secrets from a different account": not with Secrets Manager's own key. */
  #grantElsewhere(of: string, roleArn: string): void {
    const { secretArn, kmsKeyArn } = this;
    if (this.#path === undefined) {
      throw new WrongPropError(`${of} is in a secret that is not created here: let ${roleArn} read it in that secret's own policy`);
    }
    if (kmsKeyArn === undefined) {
      throw new WrongPropError(
        `${of} has no kmsKeyArn, and ${roleArn} is of another account: give a key whose policy lets that role decrypt`,
      );
    }
    this.#readersElsewhere.push(roleArn);
    if (this.#readersElsewhere.length > 1) return;
    new SecretsmanagerSecretPolicy(this, 'policy', {
      secretArn: secretArn ?? '',
      blockPublicPolicy: true,
      policy: Lazy.stringValue({
        produce: () =>
          policyDocument(
            this.#readersElsewhere.map((AWS, index) => ({
              Sid: `ReadFromElsewhere${index + 1}`,
              Effect: 'Allow',
              Principal: { AWS },
              Action: readCredentialActions,
              Resource: [secretArn ?? ''],
            })),
          ),
      }),
    });
  }

  /** The secret, its copies in other regions, and the keys of both. */
  #readStatements(): readonly Statement[] {
    const { partition, account, region } = this.#environment;
    const part = this.name.replace(/(?:^|-)([a-z0-9])/g, (_, first: string) => first.toUpperCase());
    // A copy has the ARN of the secret but for the region; the six characters at its end are known only at apply.
    const copies = this.#replicas.map(
      (replica) => `arn:${partition}:secretsmanager:${replica.region}:${account}:secret:${this.#path}-??????`,
    );
    const Resource = [this.secretArn ?? '', ...copies];
    const keys = [
      { region, kmsKeyArn: this.kmsKeyArn },
      ...this.#replicas.map((replica) => ({ region: replica.region, kmsKeyArn: replica.kmsKeyArn })),
    ].filter((key): key is { region: string; kmsKeyArn: string } => key.kmsKeyArn !== undefined);
    const read: Statement = { Sid: `ReadCredential${part}`, Effect: 'Allow', Action: readCredentialActions, Resource };
    if (keys.length === 0) return [read];
    const decrypt: Statement = {
      Sid: `DecryptCredential${part}`,
      Effect: 'Allow',
      Action: decryptCredentialActions,
      Resource: keys.map(({ kmsKeyArn }) => kmsKeyArn),
      // AWS Secrets Manager User Guide, "Secret encryption and decryption", section on encryption context.
      Condition: {
        StringEquals: { 'kms:ViaService': [...new Set(keys.map((key) => `secretsmanager.${key.region}.amazonaws.com`))] },
        StringLike: { 'kms:EncryptionContext:SecretARN': Resource },
      },
    };
    return [read, decrypt];
  }
}
