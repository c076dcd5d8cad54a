/** Secrets, which Terraform creates without a value. */
import type { Arguments } from '../arguments.ts';
import { type ApplyContext, type Attributes, present, type ResourceTypes } from './resource.ts';

export const secretsmanager: ResourceTypes = {
  aws_secretsmanager_secret: { apply: applySecret },
  aws_secretsmanager_secret_policy: { apply: applyPolicy },
};

async function applySecret(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  config.withoutEffect('recovery_window_in_days', 'tags', 'force_overwrite_replica_secret', 'kms_key_id');
  const created = await context.operator(
    'secretsmanager',
    'CreateSecret',
    present({ Name: name, Description: config.optionalText('description') }),
  );
  const arn = String(created.ARN);
  const policy = config.optionalText('policy');
  if (policy !== undefined) await context.operator('secretsmanager', 'PutResourcePolicy', { SecretId: arn, ResourcePolicy: policy });
  return { id: arn, arn };
}

async function applyPolicy(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const arn = config.text('secret_arn');
  config.withoutEffect('block_public_policy');
  await context.operator('secretsmanager', 'PutResourcePolicy', { SecretId: arn, ResourcePolicy: config.text('policy') });
  return { id: arn };
}
