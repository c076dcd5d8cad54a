import { randomBytes } from 'node:crypto';
import { AwsError } from '../error.ts';
import { limit, optionalNumber, optionalText, page, records, text, texts } from '../input.ts';
import { checkPolicyText, grantsToAnybody, resourcePolicy } from '../resource-policy.ts';
import type { Authorization, Input, Operation, Output, Service, Surroundings } from '../service.ts';
import { keyUse } from './kms-use.ts';
import { addVersion, current, hasValue, holderOf, moveStage, type Secret, stagesOf } from './secret.ts';
import { describedRotation, SecretRotations } from './secret-rotation.ts';

// Secrets Manager: secrets, their policies and copies as the API Reference documents them. Values live in memory alone and reach no log.

const invalidRequest = (message: string): AwsError => new AwsError('InvalidRequestException', message);

export interface Rotating {
  /** Rotations that are not at their end. */
  readonly pendingRotations: number;
}

/** @param runtime resolves as soon as functions can be invoked */
export function secretsmanager(surroundings: Surroundings, runtime: Promise<void>): Service & Rotating {
  const { region, account } = surroundings;
  const rotations = new SecretRotations(surroundings, runtime);
  const secrets = new Map<string, Secret>();

  /** By name, by ARN, or by ARN without its random suffix. */
  const find = (secretId: string): Secret | undefined =>
    secrets.get(secretId) ?? [...secrets.values()].find((secret) => secret.arn === secretId || secret.arn.slice(0, -7) === secretId);

  function secretOf(input: Input, allowDeleted = false): Secret {
    const secret = find(text(input, 'SecretId'));
    if (!secret) throw new AwsError('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    if (secret.deletionDate && !allowDeleted)
      throw invalidRequest("You can't perform this operation on the secret because it was marked for deletion.");
    return secret;
  }

  /** Copies are there at once. They can be read in their own region, which is not here: only their status is. */
  function replicate(secret: Secret, input: Input): void {
    for (const replica of records(input, 'AddReplicaRegions')) {
      const to = text(replica, 'Region');
      if (to === region) throw new AwsError('InvalidParameterException', `Invalid replica region ${to}: the secret itself is there`);
      secret.replicas.set(to, optionalText(replica, 'KmsKeyId') ?? 'alias/aws/secretsmanager');
    }
  }

  const replication = ({ replicas }: Secret): Output =>
    replicas.size === 0
      ? {}
      : {
          PrimaryRegion: region,
          ReplicationStatus: [...replicas].map(([Region, KmsKeyId]) => ({
            Region,
            KmsKeyId,
            Status: 'InSync',
            StatusMessage: 'Replication succeeded',
          })),
        };

  function create(input: Input): Output {
    const name = text(input, 'Name');
    if (!/^[A-Za-z0-9/_+=.@-]{1,512}$/.test(name))
      throw new AwsError(
        'InvalidParameterException',
        `Invalid name '${name}'. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!`,
      );
    if (secrets.has(name)) throw new AwsError('ResourceExistsException', `The operation failed because the secret ${name} already exists.`);
    const now = new Date();
    const description = optionalText(input, 'Description');
    const kmsKeyId = optionalText(input, 'KmsKeyId');
    // ArnSuffix is the sandbox's own member: it makes a secret that a stack names as existing.
    const suffix =
      optionalText(input, 'ArnSuffix') ??
      [...randomBytes(6)].map((byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'[byte % 52]).join('');
    const secret: Secret = {
      name,
      arn: `arn:aws:secretsmanager:${region}:${account}:secret:${name}-${suffix}`,
      createdAt: now,
      changedAt: now,
      tags: records(input, 'Tags'),
      versions: new Map(),
      replicas: new Map(),
      ...(description ? { description } : {}),
      ...(kmsKeyId ? { kmsKeyId } : {}),
    };
    const given = input.SecretString !== undefined || input.SecretBinary !== undefined;
    const version = given ? addVersion(secret, input, [current]) : undefined;
    replicate(secret, input);
    secrets.set(name, secret);
    return { ARN: secret.arn, Name: name, ...(version ? { VersionId: version.id } : {}), ...replication(secret) };
  }

  function get(input: Input): Output {
    const secret = secretOf(input);
    const versionId = optionalText(input, 'VersionId');
    const stage = optionalText(input, 'VersionStage') ?? (versionId === undefined ? current : undefined);
    const version = [...secret.versions.values()].find(
      (one) => (versionId === undefined || one.id === versionId) && (stage === undefined || one.stages.has(stage)),
    );
    if (!version || !hasValue(version))
      throw new AwsError(
        'ResourceNotFoundException',
        `Secrets Manager can't find the specified secret value for ${versionId ? `VersionId: ${versionId}` : `staging label: ${stage}`}`,
      );
    return {
      ARN: secret.arn,
      Name: secret.name,
      VersionId: version.id,
      ...(version.text === undefined ? {} : { SecretString: version.text }),
      ...(version.binary ? { SecretBinary: version.binary } : {}),
      VersionStages: [...version.stages],
      CreatedDate: version.createdAt,
    };
  }

  function updateStage(input: Input): Output {
    const secret = secretOf(input);
    const stage = text(input, 'VersionStage');
    const [from, to] = [optionalText(input, 'RemoveFromVersionId'), optionalText(input, 'MoveToVersionId')];
    const holder = holderOf(secret, stage);
    if (holder && holder.id !== to && holder.id !== from)
      throw new AwsError(
        'InvalidParameterException',
        `The parameter RemoveFromVersionId can't be empty. Staging label ${stage} is currently attached to version ${holder.id}, so you must explicitly reference that version in RemoveFromVersionId.`,
      );
    if (to === undefined) {
      if (stage === current)
        throw new AwsError('InvalidParameterException', `You can't remove the staging label ${current}; move it to another version`);
      holder?.stages.delete(stage);
      return { ARN: secret.arn, Name: secret.name };
    }
    const target = secret.versions.get(to);
    if (!target) throw new AwsError('ResourceNotFoundException', `Secrets Manager can't find the specified secret version: ${to}`);
    moveStage(secret, stage, target);
    return { ARN: secret.arn, Name: secret.name };
  }

  const described = (secret: Secret): Output => ({
    ARN: secret.arn,
    Name: secret.name,
    ...(secret.description ? { Description: secret.description } : {}),
    ...(secret.kmsKeyId ? { KmsKeyId: secret.kmsKeyId } : {}),
    LastChangedDate: secret.changedAt,
    CreatedDate: secret.createdAt,
    Tags: secret.tags,
    ...describedRotation(secret),
    ...replication(secret),
    ...(secret.deletionDate ? { DeletedDate: secret.deletionDate } : {}),
  });

  const operation = (action: string, run: Operation['run'], ...keyActions: string[]): Operation => ({
    authorize(input): readonly Authorization[] {
      const secretId = text(input, 'SecretId');
      const secret = find(secretId);
      const resource =
        secret?.arn ?? (secretId.startsWith('arn:') ? secretId : `arn:aws:secretsmanager:${region}:${account}:secret:${secretId}`);
      const stage = optionalText(input, 'VersionStage');
      const context = { 'secretsmanager:SecretId': resource, ...(stage ? { 'secretsmanager:VersionStage': stage } : {}) };
      return [
        { action: `secretsmanager:${action}`, resource, context, ...resourcePolicy(`secret ${secret?.name}`, secret?.policy) },
        ...keyUse(surroundings, secret?.kmsKeyId, 'secretsmanager', keyActions, { 'kms:EncryptionContext:SecretARN': resource }),
      ];
    },
    run,
  });

  /** "You also need lambda:InvokeFunction permissions on the rotation function." */
  const rotate: Operation = {
    authorize(input, caller): readonly Authorization[] {
      const lambdaArn = optionalText(input, 'RotationLambdaARN') ?? find(text(input, 'SecretId'))?.rotation?.lambdaArn;
      const [asked, ...others] = operation('RotateSecret', () => ({})).authorize(input, caller);
      if (asked === undefined || lambdaArn === undefined) return [...(asked ? [asked] : []), ...others];
      const context = { ...asked.context, 'secretsmanager:RotationLambdaARN': lambdaArn };
      return [{ ...asked, context }, ...others, { action: 'lambda:InvokeFunction', resource: lambdaArn }];
    },
    run: (input) => rotations.rotate(secretOf(input), input),
  };

  return {
    name: 'secretsmanager',
    get pendingRotations() {
      return rotations.pending;
    },
    close: () => rotations.close(),
    operations: {
      CreateSecret: {
        authorize: (input) => [
          { action: 'secretsmanager:CreateSecret', resource: `arn:aws:secretsmanager:${region}:${account}:secret:${text(input, 'Name')}` },
        ],
        run: create,
      },
      PutSecretValue: operation(
        'PutSecretValue',
        (input) => {
          const secret = secretOf(input);
          const stages = texts(input, 'VersionStages');
          const version = addVersion(secret, input, stages.length > 0 ? stages : [current]);
          return { ARN: secret.arn, Name: secret.name, VersionId: version.id, VersionStages: [...version.stages] };
        },
        'kms:GenerateDataKey',
        'kms:Decrypt',
      ),
      GetSecretValue: operation('GetSecretValue', get, 'kms:Decrypt'),
      DescribeSecret: operation('DescribeSecret', (input) => {
        const secret = secretOf(input, true);
        return { ...described(secret), VersionIdsToStages: stagesOf(secret) };
      }),
      UpdateSecretVersionStage: operation('UpdateSecretVersionStage', updateStage),
      PutResourcePolicy: operation('PutResourcePolicy', (input) => {
        const secret = secretOf(input);
        const policy = checkPolicyText(text(input, 'ResourcePolicy'), 'MalformedPolicyDocumentException');
        if (input.BlockPublicPolicy === true && grantsToAnybody(policy))
          throw new AwsError(
            'PublicPolicyException',
            'The BlockPublicPolicy parameter is set to true, and the resource policy did not prevent broad access to the secret.',
          );
        secret.policy = policy;
        return { ARN: secret.arn, Name: secret.name };
      }),
      RotateSecret: rotate,
      CancelRotateSecret: operation('CancelRotateSecret', (input) => rotations.cancel(secretOf(input))),
      ReplicateSecretToRegions: operation('ReplicateSecretToRegions', (input) => {
        const secret = secretOf(input);
        replicate(secret, input);
        return { ARN: secret.arn, ...replication(secret) };
      }),
      DeleteSecret: operation('DeleteSecret', (input) => {
        const secret = secretOf(input, true);
        const days = optionalNumber(input, 'RecoveryWindowInDays') ?? 30;
        const force = input.ForceDeleteWithoutRecovery === true;
        secret.deletionDate = new Date(Date.now() + (force ? 0 : days * 86_400_000));
        if (force) secrets.delete(secret.name);
        return { ARN: secret.arn, Name: secret.name, DeletionDate: secret.deletionDate };
      }),
      ListSecrets: {
        authorize: () => [{ action: 'secretsmanager:ListSecrets', resource: '*' }],
        run: (input) => {
          const shown = [...secrets.values()]
            .filter((secret) => !secret.deletionDate || input.IncludePlannedDeletion === true)
            .map((secret) => ({ ...described(secret), SecretVersionsToStages: stagesOf(secret) }));
          const { items, nextToken } = page(shown, optionalText(input, 'NextToken'), limit(input, 'MaxResults', 1, 100, 100));
          return { SecretList: items, ...(nextToken ? { NextToken: nextToken } : {}) };
        },
      },
    },
  };
}
