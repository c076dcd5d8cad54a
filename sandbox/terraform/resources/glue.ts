/** The catalogue of Athena: nothing in the sandbox asks it. */
import { type ResourceTypes, withoutEffect } from './resource.ts';

const reason = 'there is no Athena in the sandbox: the table only says how to read what the bucket holds';

export const glue: ResourceTypes = {
  aws_glue_catalog_database: withoutEffect(reason, (config) => ({ id: config.text('name'), name: config.text('name') })),
  aws_glue_catalog_table: withoutEffect(reason, (config) => ({ id: config.text('name'), name: config.text('name') })),
};
