/** Where `verify` reads a trail from: a deployment, found by the configuration of its close-audit function, or exported files. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { GetPublicKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import { GetFunctionConfigurationCommand, LambdaClient, ResourceNotFoundException } from '@aws-sdk/client-lambda';
import { S3Client } from '@aws-sdk/client-s3';
import { CommandError } from '../../platform/command-errors.ts';
import { readEnvironment } from '../../platform/environment.ts';
import type { Evidence } from '../evidence.ts';
import { folderEvidence } from '../folder-evidence.ts';
import { s3Evidence } from '../s3-evidence.ts';
import type { Options } from './options.ts';

export interface TrailSource {
  readonly evidence: Evidence;
  readonly publicKey: KeyObject;
  readonly close: () => void;
}

/** @throws CommandError */
export async function openTrail({ files, publicKey, prefix, environment }: Options): Promise<TrailSource> {
  const given = publicKey === undefined ? undefined : await keyFrom(publicKey);
  if (files !== undefined) {
    if (given === undefined) throw new CommandError('--files needs --public-key');
    if (!(await stat(files).catch(() => undefined))?.isDirectory())
      throw new CommandError(`--files ${files} is no folder: give the one with records/ and digests/`);
    return { evidence: folderEvidence(files), publicKey: given, close: () => undefined };
  }
  const lambda = new LambdaClient({});
  const s3 = new S3Client({});
  const kms = new KMSClient({});
  const close = () => {
    for (const client of [lambda, s3, kms]) client.destroy();
  };
  try {
    const FunctionName = `${prefix}-${environment}-close-audit`;
    const env = readEnvironment(['AUDIT_BUCKET', 'DIGEST_KEY_ID'], await variablesOf(lambda, FunctionName));
    return { evidence: s3Evidence(s3, env.AUDIT_BUCKET), publicKey: given ?? (await keyOf(kms, env.DIGEST_KEY_ID)), close };
  } catch (error) {
    close();
    throw error;
  }
}

async function keyOf(kms: KMSClient, KeyId: string): Promise<KeyObject> {
  const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
  if (PublicKey === undefined) throw new CommandError(`kms gave no public key of ${KeyId}: try again`);
  return createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
}

async function keyFrom(path: string): Promise<KeyObject> {
  const pem = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CommandError(`--public-key ${path} cannot be read: give a file in PEM form`, { cause });
  });
  if (/PRIVATE KEY/.test(pem)) throw new CommandError(`--public-key ${path} holds a private key: give its public half`);
  try {
    const key = createPublicKey(pem);
    if (key.asymmetricKeyType === 'ec') return key;
  } catch (cause) {
    throw new CommandError(`--public-key ${path} is no public key in PEM form: export it with "aws kms get-public-key"`, { cause });
  }
  throw new CommandError(`--public-key ${path} is no key on an elliptic curve: give that of the trail`);
}

/** Environment variables of a deployed function. @throws CommandError when it is not there */
export async function variablesOf(lambda: LambdaClient, FunctionName: string): Promise<Readonly<Record<string, string>>> {
  const configuration = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName })).catch((error: unknown) => {
    if (!(error instanceof ResourceNotFoundException)) throw error;
    throw new CommandError(`there is no function ${FunctionName}: give --environment and --prefix of the deployment, and its region`);
  });
  return configuration.Environment?.Variables ?? {};
}
