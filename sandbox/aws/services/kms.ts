import { generateKeyPairSync, type KeyObject, randomUUID, sign, verify } from 'node:crypto';
import { AwsError, notImplemented } from '../error.ts';
import { limit, optionalBytes, optionalText, page, text } from '../input.ts';
import { checkPolicyText, resourcePolicy } from '../resource-policy.ts';
import type { Authorization, Input, Operation, Output, Service } from '../service.ts';

// KMS: keys and their policies, which decide who may use what they encrypt. Nothing is encrypted here; keys of the kind SIGN_VERIFY sign.

interface Key {
  readonly id: string;
  readonly arn: string;
  readonly policy: string;
  readonly description: string;
  readonly createdAt: Date;
  /** Of a key that signs. */
  readonly pair?: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
}

/** The one kind of signing key that this project uses, and its algorithm (AWS KMS Developer Guide, "Key spec reference"). */
const signing = { keySpec: 'ECC_NIST_P256', algorithm: 'ECDSA_SHA_256', hash: 'sha256' } as const;

export function kms({
  region,
  account,
}: {
  region: string;
  account: string;
}): Service & { key(keyId: string): Pick<Authorization, 'resource' | 'resourcePolicy'> } {
  const keys = new Map<string, Key>();
  /** Key ids by `alias/<name>`. */
  const aliases = new Map<string, string>();
  /** Of an id, an alias, or the ARN of either (AWS KMS API Reference, "KeyId"). */
  const idOf = (keyId: string): string => {
    const alias = /(?:^|:)(alias\/.+)$/.exec(keyId)?.[1];
    if (alias === undefined) return keyId.split('/').at(-1) ?? keyId;
    const id = aliases.get(alias);
    if (id === undefined) throw new AwsError('NotFoundException', `Alias arn:aws:kms:${region}:${account}:${alias} is not found.`);
    return id;
  };
  const arnOf = (id: string): string => `arn:aws:kms:${region}:${account}:key/${id}`;

  /** Without a policy of its own a key has the default one, which delegates to the account ("Default key policy"). */
  const defaultPolicy = JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'Enable IAM User Permissions',
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${account}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
    ],
  });

  const key = (keyId: string): Pick<Authorization, 'resource' | 'resourcePolicy'> => {
    const found = keys.get(idOf(keyId));
    return { resource: arnOf(idOf(keyId)), ...resourcePolicy(`key ${idOf(keyId)}`, found?.policy) };
  };
  const shown = (one: Key): Output => ({
    AWSAccountId: account,
    KeyId: one.id,
    Arn: one.arn,
    CreationDate: one.createdAt,
    Enabled: true,
    Description: one.description,
    KeyUsage: one.pair ? 'SIGN_VERIFY' : 'ENCRYPT_DECRYPT',
    KeyState: 'Enabled',
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    KeySpec: one.pair ? signing.keySpec : 'SYMMETRIC_DEFAULT',
    ...(one.pair ? { SigningAlgorithms: [signing.algorithm] } : {}),
    MultiRegion: false,
  });
  const keyOf = (input: Input): Key => {
    const found = keys.get(idOf(text(input, 'KeyId')));
    if (!found) throw new AwsError('NotFoundException', `Key '${arnOf(idOf(text(input, 'KeyId')))}' does not exist`);
    return found;
  };
  const pairOf = (input: Input) => {
    const { arn, pair } = keyOf(input);
    if (!pair) throw new AwsError('InvalidKeyUsageException', `${arn} key usage is ENCRYPT_DECRYPT which is not valid for this operation.`);
    return pair;
  };
  const message = (input: Input): Buffer => {
    if (text(input, 'SigningAlgorithm') !== signing.algorithm)
      throw new AwsError(
        'InvalidKeyUsageException',
        `Algorithm ${input.SigningAlgorithm} is incompatible with key spec ${signing.keySpec}.`,
      );
    if ((optionalText(input, 'MessageType') ?? 'RAW') !== 'RAW')
      throw notImplemented('kms', `message type ${input.MessageType}`, 'use RAW');
    const bytes = optionalBytes(input, 'Message');
    // RAW messages end at 4 KiB (AWS KMS API Reference, Sign).
    if (!bytes || bytes.length > 4096) throw new AwsError('ValidationException', 'Message: 1 to 4096 bytes');
    return bytes;
  };
  const onKey = (action: string, run: Operation['run']): Operation => ({
    authorize: (input) => [{ action: `kms:${action}`, ...key(text(input, 'KeyId')), delegationRequired: true }],
    run,
  });

  return {
    name: 'kms',
    key,
    operations: {
      /** KeyId is the sandbox's own member: the id that the synthesized references resolved to. */
      CreateKey: {
        authorize: () => [{ action: 'kms:CreateKey', resource: '*' }],
        run: (input) => {
          const id = idOf(optionalText(input, 'KeyId') ?? randomUUID());
          const policy = checkPolicyText(optionalText(input, 'Policy') ?? defaultPolicy, 'MalformedPolicyDocumentException');
          const usage = optionalText(input, 'KeyUsage') ?? 'ENCRYPT_DECRYPT';
          const spec = optionalText(input, 'KeySpec') ?? 'SYMMETRIC_DEFAULT';
          if (usage === 'SIGN_VERIFY' ? spec !== signing.keySpec : usage !== 'ENCRYPT_DECRYPT' || spec !== 'SYMMETRIC_DEFAULT')
            throw notImplemented('kms', `CreateKey of ${usage} ${spec}`);
          const created: Key = {
            id,
            arn: arnOf(id),
            policy,
            description: optionalText(input, 'Description') ?? '',
            createdAt: new Date(),
            ...(usage === 'SIGN_VERIFY' ? { pair: generateKeyPairSync('ec', { namedCurve: 'P-256' }) } : {}),
          };
          keys.set(id, created);
          return { KeyMetadata: shown(created) };
        },
      },
      CreateAlias: {
        authorize: (input) => [
          { action: 'kms:CreateAlias', resource: `arn:aws:kms:${region}:${account}:${text(input, 'AliasName')}` },
          { action: 'kms:CreateAlias', ...key(text(input, 'TargetKeyId')), delegationRequired: true },
        ],
        run: (input) => {
          const alias = text(input, 'AliasName');
          if (aliases.has(alias)) throw new AwsError('AlreadyExistsException', `An alias with the name ${alias} already exists`);
          aliases.set(alias, keyOf({ KeyId: text(input, 'TargetKeyId') }).id);
          return {};
        },
      },
      DescribeKey: onKey('DescribeKey', (input) => ({ KeyMetadata: shown(keyOf(input)) })),
      Sign: onKey('Sign', (input) => ({
        KeyId: keyOf(input).arn,
        Signature: sign(signing.hash, message(input), pairOf(input).privateKey),
        SigningAlgorithm: signing.algorithm,
      })),
      Verify: onKey('Verify', (input) => {
        const signature = optionalBytes(input, 'Signature') ?? Buffer.alloc(0);
        if (!verify(signing.hash, message(input), pairOf(input).publicKey, signature))
          throw new AwsError('KMSInvalidSignatureException', '');
        return { KeyId: keyOf(input).arn, SignatureValid: true, SigningAlgorithm: signing.algorithm };
      }),
      GetPublicKey: onKey('GetPublicKey', (input) => ({
        KeyId: keyOf(input).arn,
        PublicKey: pairOf(input).publicKey.export({ type: 'spki', format: 'der' }),
        KeySpec: signing.keySpec,
        KeyUsage: 'SIGN_VERIFY',
        SigningAlgorithms: [signing.algorithm],
      })),
      GetKeyPolicy: onKey('GetKeyPolicy', (input) => ({ Policy: keyOf(input).policy, PolicyName: 'default' })),
      ListKeys: {
        authorize: () => [{ action: 'kms:ListKeys', resource: '*' }],
        run: (input) => {
          const { items, nextToken } = page([...keys.values()], optionalText(input, 'Marker'), limit(input, 'Limit', 1, 1000, 100));
          return {
            Keys: items.map((one) => ({ KeyId: one.id, KeyArn: one.arn })),
            Truncated: nextToken !== undefined,
            ...(nextToken ? { NextMarker: nextToken } : {}),
          };
        },
      },
    },
  };
}
