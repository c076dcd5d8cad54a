import { randomUUID } from 'node:crypto';
import { AwsError } from '../error.ts';
import { optionalBytes, optionalText } from '../input.ts';
import type { Input } from '../service.ts';

// One secret: its versions and their staging labels (Secrets Manager User Guide, "What's in a Secrets Manager secret?").

export interface Version {
  readonly id: string;
  readonly createdAt: Date;
  /** Neither: a rotation has begun, and nobody has put the value yet. */
  text?: string;
  binary?: Buffer;
  readonly stages: Set<string>;
}

export interface RotationConfiguration {
  enabled: boolean;
  readonly lambdaArn: string;
  readonly rules: Input;
}

export interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: Date;
  readonly description?: string;
  readonly kmsKeyId?: string;
  readonly tags: readonly Input[];
  policy?: string;
  changedAt: Date;
  rotatedAt?: Date;
  rotation?: RotationConfiguration;
  deletionDate?: Date;
  /** Keys of the copies, by region. */
  readonly replicas: Map<string, string>;
  readonly versions: Map<string, Version>;
}

export const current = 'AWSCURRENT';
export const previous = 'AWSPREVIOUS';
export const pending = 'AWSPENDING';

export const hasValue = (version: Version): boolean => version.text !== undefined || version.binary !== undefined;

export const holderOf = (secret: Secret, stage: string): Version | undefined =>
  [...secret.versions.values()].find((version) => version.stages.has(stage));

export const stagesOf = (secret: Secret): Record<string, string[]> =>
  Object.fromEntries(
    [...secret.versions.values()].filter((version) => version.stages.size > 0).map((version) => [version.id, [...version.stages]]),
  );

/** Moves a label; AWSPREVIOUS follows AWSCURRENT by itself. */
export function moveStage(secret: Secret, stage: string, to: Version): void {
  const from = holderOf(secret, stage);
  if (from === to) return;
  from?.stages.delete(stage);
  to.stages.add(stage);
  if (stage !== current || !from) return;
  for (const version of secret.versions.values()) version.stages.delete(previous);
  from.stages.add(previous);
}

/** A version that has no value yet, as the begin of a rotation leaves it. */
export function addEmptyVersion(secret: Secret, id: string, stage: string): Version {
  const version: Version = { id, createdAt: new Date(), stages: new Set() };
  secret.versions.set(id, version);
  moveStage(secret, stage, version);
  return version;
}

/** @throws AwsError ResourceExistsException when the version has another value already */
export function addVersion(secret: Secret, input: Input, stages: readonly string[]): Version {
  const text = optionalText(input, 'SecretString');
  const binary = optionalBytes(input, 'SecretBinary');
  if ((text === undefined) === (binary === undefined))
    throw new AwsError('InvalidParameterException', 'You must provide either SecretString or SecretBinary.');
  if ((binary?.length ?? Buffer.byteLength(text ?? '')) > 65_536)
    throw new AwsError('InvalidParameterException', 'a secret value holds at most 65536 bytes');
  const id = optionalText(input, 'ClientRequestToken') ?? randomUUID();
  const existing = secret.versions.get(id);
  if (existing && hasValue(existing)) {
    // A repeat of the same request is a success, a change of a version is not possible
    if (existing.text === text && (existing.binary ?? Buffer.alloc(0)).equals(binary ?? Buffer.alloc(0))) return existing;
    throw new AwsError('ResourceExistsException', `A resource with the ID you requested already exists: version ${id}`);
  }
  const version: Version = existing ?? { id, createdAt: new Date(), stages: new Set() };
  if (text !== undefined) version.text = text;
  if (binary !== undefined) version.binary = binary;
  const isFirst = ![...secret.versions.values()].some((one) => one !== version && hasValue(one));
  secret.versions.set(id, version);
  // "If this operation creates the first version for the secret, then Secrets Manager automatically attaches the staging label AWSCURRENT to it"
  for (const stage of isFirst ? [...stages, current] : stages) moveStage(secret, stage, version);
  secret.changedAt = new Date();
  return version;
}
