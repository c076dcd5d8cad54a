import { randomBytes, randomUUID } from 'node:crypto';
import { AwsError } from '../error.ts';
import { limit, optionalBytes, optionalNumber, optionalText, page, records, text, texts } from '../input.ts';
import { checkPolicyText, resourcePolicy } from '../resource-policy.ts';
import type { Authorization, Input, Operation, Output, Service, Surroundings } from '../service.ts';
import { keyUse } from './kms-use.ts';

// Secrets Manager: versions and staging labels as the API Reference documents them. Values live in memory alone and reach no log.

interface Version {
  readonly id: string;
  readonly createdAt: Date;
  readonly text?: string;
  readonly binary?: Buffer;
  readonly stages: Set<string>;
}

interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: Date;
  readonly description?: string;
  readonly kmsKeyId?: string;
  readonly tags: readonly Input[];
  policy?: string;
  changedAt: Date;
  deletionDate?: Date;
  readonly versions: Map<string, Version>;
}

const current = 'AWSCURRENT';
const previous = 'AWSPREVIOUS';
const invalidRequest = (message: string): AwsError => new AwsError('InvalidRequestException', message);

export function secretsmanager(surroundings: Surroundings): Service {
  const { region, account } = surroundings;
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

  const stagesOf = (secret: Secret): Record<string, string[]> =>
    Object.fromEntries(
      [...secret.versions.values()].filter((version) => version.stages.size > 0).map((version) => [version.id, [...version.stages]]),
    );

  /** Moves a label; AWSPREVIOUS follows AWSCURRENT by itself. */
  function moveStage(secret: Secret, stage: string, to: Version): void {
    const from = [...secret.versions.values()].find((version) => version.stages.has(stage));
    if (from === to) return;
    from?.stages.delete(stage);
    to.stages.add(stage);
    if (stage !== current || !from) return;
    for (const version of secret.versions.values()) version.stages.delete(previous);
    from.stages.add(previous);
  }

  function addVersion(secret: Secret, input: Input, stages: readonly string[]): Version {
    const value = { text: optionalText(input, 'SecretString'), binary: optionalBytes(input, 'SecretBinary') };
    if ((value.text === undefined) === (value.binary === undefined))
      throw new AwsError('InvalidParameterException', 'You must provide either SecretString or SecretBinary.');
    if ((value.binary?.length ?? Buffer.byteLength(value.text ?? '')) > 65_536)
      throw new AwsError('InvalidParameterException', 'a secret value holds at most 65536 bytes');
    const id = optionalText(input, 'ClientRequestToken') ?? randomUUID();
    const existing = secret.versions.get(id);
    if (existing) {
      // A repeat of the same request is a success, a change of a version is not possible
      if (existing.text === value.text && (existing.binary ?? Buffer.alloc(0)).equals(value.binary ?? Buffer.alloc(0))) return existing;
      throw new AwsError('ResourceExistsException', `A resource with the ID you requested already exists: version ${id}`);
    }
    const version: Version = {
      id,
      createdAt: new Date(),
      ...(value.text === undefined ? {} : { text: value.text }),
      ...(value.binary ? { binary: value.binary } : {}),
      stages: new Set(),
    };
    // "If this operation creates the first version for the secret, then Secrets Manager automatically attaches AWSCURRENT" (PutSecretValue)
    const first = secret.versions.size === 0 ? [current] : [];
    secret.versions.set(id, version);
    for (const stage of new Set([...stages, ...first])) moveStage(secret, stage, version);
    secret.changedAt = new Date();
    return version;
  }

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
      ...(description ? { description } : {}),
      ...(kmsKeyId ? { kmsKeyId } : {}),
    };
    const hasValue = input.SecretString !== undefined || input.SecretBinary !== undefined;
    const version = hasValue ? addVersion(secret, input, [current]) : undefined;
    secrets.set(name, secret);
    return { ARN: secret.arn, Name: name, ...(version ? { VersionId: version.id } : {}) };
  }

  function get(input: Input): Output {
    const secret = secretOf(input);
    const versionId = optionalText(input, 'VersionId');
    const stage = optionalText(input, 'VersionStage') ?? (versionId === undefined ? current : undefined);
    const version = [...secret.versions.values()].find(
      (one) => (versionId === undefined || one.id === versionId) && (stage === undefined || one.stages.has(stage)),
    );
    if (!version)
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
    const holder = [...secret.versions.values()].find((version) => version.stages.has(stage));
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

  return {
    name: 'secretsmanager',
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
        secret.policy = checkPolicyText(text(input, 'ResourcePolicy'), 'MalformedPolicyDocumentException');
        return { ARN: secret.arn, Name: secret.name };
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
