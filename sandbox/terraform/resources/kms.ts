/** KMS keys and their aliases. */
import { createHash } from 'node:crypto';
import type { Arguments } from '../arguments.ts';
import { type ApplyContext, type Attributes, present, type ResourceTypes } from './resource.ts';

export const kms: ResourceTypes = {
  aws_kms_key: { apply: applyKey },
  aws_kms_alias: { apply: applyAlias },
};

/** A name for people: the stack refers to the key itself. */
async function applyAlias(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const name = config.text('name');
  await context.operator('kms', 'CreateAlias', { AliasName: name, TargetKeyId: config.text('target_key_id') });
  return { id: name, arn: context.arn('kms', name) };
}

async function applyKey(config: Arguments, context: ApplyContext): Promise<Attributes> {
  const id = keyId(config.address);
  config.withoutEffect('enable_key_rotation', 'rotation_period_in_days', 'deletion_window_in_days', 'tags', 'is_enabled', 'multi_region');
  await context.operator(
    'kms',
    'CreateKey',
    present({
      KeyId: id,
      Description: config.optionalText('description'),
      Policy: config.optionalText('policy'),
      KeyUsage: config.optionalText('key_usage'),
      KeySpec: config.optionalText('customer_master_key_spec'),
    }),
  );
  return { id, key_id: id, arn: context.arn('kms', `key/${id}`) };
}

/** A key id in KMS's form, the same on every run. */
function keyId(address: string): string {
  const hex = createHash('sha256').update(address).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
