import { randomUUID } from 'node:crypto';
import { AwsError } from '../error.ts';
import { limit, optionalText, page, text } from '../input.ts';
import { checkPolicyText, resourcePolicy } from '../resource-policy.ts';
import type { Authorization, Input, Operation, Output, Service } from '../service.ts';

// KMS: keys and their policies, which decide who may use what they encrypt. Nothing is encrypted here.

interface Key {
  readonly id: string;
  readonly arn: string;
  readonly policy: string;
  readonly description: string;
  readonly createdAt: Date;
}

export function kms({
  region,
  account,
}: {
  region: string;
  account: string;
}): Service & { key(keyId: string): Pick<Authorization, 'resource' | 'resourcePolicy'> } {
  const keys = new Map<string, Key>();
  const idOf = (keyId: string): string => keyId.split('/').at(-1) ?? keyId;
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
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeyState: 'Enabled',
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    KeySpec: 'SYMMETRIC_DEFAULT',
    MultiRegion: false,
  });
  const keyOf = (input: Input): Key => {
    const found = keys.get(idOf(text(input, 'KeyId')));
    if (!found) throw new AwsError('NotFoundException', `Key '${arnOf(idOf(text(input, 'KeyId')))}' does not exist`);
    return found;
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
          const created: Key = { id, arn: arnOf(id), policy, description: optionalText(input, 'Description') ?? '', createdAt: new Date() };
          keys.set(id, created);
          return { KeyMetadata: shown(created) };
        },
      },
      DescribeKey: onKey('DescribeKey', (input) => ({ KeyMetadata: shown(keyOf(input)) })),
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
