/** Athena and its catalogue: nothing in the sandbox asks them. */
import { type ResourceTypes, withoutEffect } from './resource.ts';

const reason = 'there is no Athena in the sandbox: table and queries only say how to read what the bucket holds';

export const glue: ResourceTypes = {
  aws_athena_named_query: withoutEffect(reason),
  aws_athena_workgroup: withoutEffect(reason, (config) => ({ id: config.text('name'), name: config.text('name') })),
  aws_glue_catalog_database: withoutEffect(reason, (config) => ({ id: config.text('name'), name: config.text('name') })),
  aws_glue_catalog_table: withoutEffect(reason, (config) => ({ id: config.text('name'), name: config.text('name') })),
};
