/** Terraform's state in S3: one object and its lock (Terraform, "Backend type: s3", permissions required, with `use_lockfile`). */
import type { Statement } from '../platform/policy.ts';
import { formats, matching, WrongPropError } from '../platform/prop-checks.ts';
import type { DeployTarget } from './deploy-target.ts';

export interface StateProps {
  /** Bucket with the state. It keeps versions, and belongs to nobody whom the deploy role could change. */
  readonly bucket: string;
  /** Key of the state's object: `ad-lambda/dev.tfstate`. */
  readonly key: string;
  /** ARN of the KMS key that encrypts it. @default the bucket's own encryption, which asks for no right */
  readonly kmsKeyArn?: string;
}

/** @throws WrongPropError */
export function stateStatements(
  state: StateProps,
  { partition, own }: Pick<DeployTarget, 'partition' | 'own'>,
  environment: string,
): readonly Statement[] {
  const bucket = matching('state.bucket', state.bucket, /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'give the name of an S3 bucket');
  if (bucket.startsWith(`${own}-`)) {
    throw new WrongPropError(
      `state.bucket is "${bucket}": who deploys "${environment}" may do anything with buckets of ${own}-…, give one of another name`,
    );
  }
  const key = matching('state.key', state.key, /^[\w!.()/-]{1,1000}$/, 'give the key in full, without "*"');
  const arn = `arn:${partition}:s3:::${bucket}`;
  return [
    {
      Sid: 'ListState',
      Effect: 'Allow',
      Action: ['s3:ListBucket'],
      Resource: [arn],
      Condition: { StringLike: { 's3:prefix': [key, `${key}.tflock`] } },
    },
    { Sid: 'KeepState', Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: [`${arn}/${key}`] },
    { Sid: 'LockState', Effect: 'Allow', Action: ['s3:DeleteObject', 's3:GetObject', 's3:PutObject'], Resource: [`${arn}/${key}.tflock`] },
    ...(state.kmsKeyArn === undefined
      ? []
      : ([
          {
            Sid: 'EncryptState',
            Effect: 'Allow',
            Action: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'],
            Resource: [matching('state.kmsKeyArn', state.kmsKeyArn, formats.kmsKeyArn, 'give the ARN of a KMS key, not of an alias')],
          },
        ] as const)),
  ];
}
