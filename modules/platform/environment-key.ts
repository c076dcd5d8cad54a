/** The key that encrypts an environment's log groups: whoever reads logs needs the right to decrypt besides the right to read. */
import { KmsAlias } from '@cdktf/provider-aws/lib/kms-alias/index.js';
import { KmsKey } from '@cdktf/provider-aws/lib/kms-key/index.js';
import { Construct } from 'constructs';
import { policyDocument } from './policy.ts';

export interface EnvironmentKeyProps {
  /** Whose log groups they are, for people: `<prefix> <environment>`. */
  readonly owner: string;
  /** Name of the alias, without `alias/`. */
  readonly alias: string;
  readonly partition: string;
  readonly account: string;
  readonly region: string;
  /** Names of the log groups that CloudWatch Logs may use the key for; `*` matches any run of characters. */
  readonly logGroups: readonly string[];
  /** Days between a scheduled deletion and the end of the key, 7 to 30. */
  readonly deletionWindowDays: number;
  /** A plan that would delete the key, and with it every log, is refused. */
  readonly preventDestroy: boolean;
}

export class EnvironmentKey extends Construct {
  readonly arn: string;

  constructor(scope: Construct, id: string, props: EnvironmentKeyProps) {
    super(scope, id);
    const { partition, account, region } = props;
    const key = new KmsKey(this, 'key', {
      description: `log groups of ${props.owner}`,
      enableKeyRotation: true,
      deletionWindowInDays: props.deletionWindowDays,
      lifecycle: { preventDestroy: props.preventDestroy },
      policy: policyDocument([
        {
          // Without it nobody could administer the key, and IAM policies would not count for it (AWS KMS Developer Guide, "Default key policy").
          Sid: 'AccountAdministersByIam',
          Effect: 'Allow',
          Principal: { AWS: `arn:${partition}:iam::${account}:root` },
          Action: ['kms:*'],
          Resource: ['*'],
        },
        {
          // Amazon CloudWatch Logs User Guide, "Encrypt log data in CloudWatch Logs using AWS KMS": the encryption context is the group's ARN.
          Sid: 'CloudWatchLogsEncrypts',
          Effect: 'Allow',
          Principal: { Service: `logs.${region}.amazonaws.com` },
          Action: ['kms:Encrypt*', 'kms:Decrypt*', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:Describe*'],
          Resource: ['*'],
          Condition: {
            ArnLike: {
              'kms:EncryptionContext:aws:logs:arn': props.logGroups.map(
                (name) => `arn:${partition}:logs:${region}:${account}:log-group:${name}`,
              ),
            },
          },
        },
      ]),
    });
    new KmsAlias(this, 'alias', { name: `alias/${props.alias}`, targetKeyId: key.keyId });
    this.arn = key.arn;
  }
}
