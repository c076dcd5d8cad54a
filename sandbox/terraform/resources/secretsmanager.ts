/** Secrets, which Terraform creates without a value, their policies, and how they rotate. */
import type { Arguments } from '../arguments.ts';
import { type ApplyContext, type Attributes, present, type ResourceTypes } from './resource.ts';

export const secretsmanager: ResourceTypes = {
  aws_secretsmanager_secret: { apply: applySecret },
  aws_secretsmanager_secret_policy: { apply: applyPolicy },
  aws_secretsmanager_secret_rotation: { apply: applyRotation },
};

async function applySecret(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  config.withoutEffect('recovery_window_in_days', 'tags', 'force_overwrite_replica_secret');
  const replicas = config
    .blocks('replica')
    .map((replica) => present({ Region: replica.text('region'), KmsKeyId: replica.optionalText('kms_key_id') }));
  const created = await context.operator(
    'secretsmanager',
    'CreateSecret',
    present({
      Name: name,
      Description: config.optionalText('description'),
      KmsKeyId: config.optionalText('kms_key_id'),
      AddReplicaRegions: replicas.length > 0 ? replicas : undefined,
    }),
  );
  const arn = String(created.ARN);
  const policy = config.optionalText('policy');
  if (policy !== undefined) await context.operator('secretsmanager', 'PutResourcePolicy', { SecretId: arn, ResourcePolicy: policy });
  return { id: arn, arn };
}

async function applyPolicy(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const arn = config.text('secret_arn');
  await context.operator('secretsmanager', 'PutResourcePolicy', {
    SecretId: arn,
    ResourcePolicy: config.text('policy'),
    BlockPublicPolicy: config.flag('block_public_policy'),
  });
  return { id: arn };
}

async function applyRotation(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const secretId = config.text('secret_id');
  const rules = config.block('rotation_rules');
  if (rules === undefined) throw new Error(`${config.address}: rotation_rules is missing`);
  await madeElsewhere(secretId, context);
  await context.operator('secretsmanager', 'RotateSecret', {
    SecretId: secretId,
    RotationLambdaARN: config.text('rotation_lambda_arn'),
    RotateImmediately: config.flag('rotate_immediately', true),
    RotationRules: present({
      AutomaticallyAfterDays: rules.number('automatically_after_days'),
      ScheduleExpression: rules.optionalText('schedule_expression'),
      Duration: rules.optionalText('duration'),
    }),
  });
  return { id: secretId, rotation_enabled: true };
}

/** A secret that the stack names by its ARN is a team's own, made before: the sandbox makes it, as its owner would have. */
async function madeElsewhere(secretArn: string, { operator }: ApplyContext): Promise<void> {
  const isThere = await operator('secretsmanager', 'DescribeSecret', { SecretId: secretArn }).then(
    () => true,
    (error: Error) => {
      if (error.name !== 'ResourceNotFoundException') throw error;
      return false;
    },
  );
  if (isThere) return;
  const [, Name, ArnSuffix] = /:secret:(.+)-(\w{6})$/.exec(secretArn) ?? [];
  if (Name === undefined) throw new Error(`secret_id "${secretArn}" is no secret of the stack and no full ARN`);
  await operator('secretsmanager', 'CreateSecret', { Name, ArnSuffix });
}
