/**
 * The trail as a table for Athena: a row a record. Partitions are projected from the keys (Amazon Athena User Guide, "Use partition
 * projection with Amazon Athena"), so nothing has to crawl or repair it.
 */
import { GlueCatalogDatabase } from '@cdktf/provider-aws/lib/glue-catalog-database/index.js';
import { GlueCatalogTable } from '@cdktf/provider-aws/lib/glue-catalog-table/index.js';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { literal } from '../platform/terraform-text.ts';

export interface TrailTableProps {
  readonly environment: IntegrationEnvironment;
  /** Name of the bucket. */
  readonly bucket: string;
}

const named = 'struct<name:string,uid:string,domain:string,type:string,type_id:int,uid_alt:string>';

/** Columns, by OCSF's names; what differs by event type is text that holds JSON, for Athena's json_extract. */
const columns: Readonly<Record<string, string>> = {
  time: 'bigint',
  class_uid: 'int',
  class_name: 'string',
  type_uid: 'int',
  activity_id: 'int',
  activity_name: 'string',
  severity_id: 'int',
  severity: 'string',
  status_id: 'int',
  status: 'string',
  status_detail: 'string',
  message: 'string',
  actor: 'struct<app_name:string,user:struct<name:string,uid:string,type_id:int>>',
  user: named,
  group: named,
  entity: named,
  privileges: 'array<string>',
  metadata:
    'struct<uid:string,correlation_uid:string,event_code:string,logged_time:bigint,original_time:string,version:string,product:struct<name:string,vendor_name:string,version:string>>',
  unmapped:
    'struct<type:string,source:string,domain:string,target:string,revision:bigint,subject:struct<guid:string,sid:string,type:string,name:string,dn:string,samAccountName:string,userPrincipalName:string>,change:string,before:string,after:string,decision:struct<id:string,policies:array<string>,mappings:array<string>>,cause:struct<id:string,type:string,occurredAt:string,detectedAt:string,root:struct<id:string,type:string,occurredAt:string,detectedAt:string>>,times:struct<occurredAt:string,detectedAt:string,recordedAt:string,causeOccurredAt:string,causeDetectedAt:string>,revisions:struct<code:string,configuration:string>,chain:struct<writer:string,sequence:bigint,previous:string>>',
};

/** Values of each partition key that Athena tries; of the year, those that this project can see. */
const partitions = { year: [2025, 2099, 4], month: [1, 12, 2], day: [1, 31, 2], hour: [0, 23, 2] } as const;

export class TrailTable extends Construct {
  readonly database: string;
  readonly table: string;

  constructor(scope: Construct, id: string, { environment, bucket }: TrailTableProps) {
    super(scope, id);
    // Names of Glue that Athena takes hold no dash (Amazon Athena User Guide, "Name databases, tables, and columns").
    const name = `${environment.prefix}_${environment.name}_audit`.replaceAll('-', '_');
    const database = new GlueCatalogDatabase(this, 'database', {
      name,
      description: `audit trail of ${environment.prefix} ${environment.name}`,
    });
    this.database = database.name;
    const location = `s3://${bucket}/records/`;
    const template = Object.keys(partitions).map((key) => `${key}=$\{${key}}/`);
    const table = new GlueCatalogTable(this, 'table', {
      name: 'records',
      databaseName: database.name,
      description: 'a row an audit record, by the hour',
      tableType: 'EXTERNAL_TABLE',
      parameters: {
        EXTERNAL: 'TRUE',
        classification: 'json',
        'projection.enabled': 'true',
        ...Object.fromEntries(
          Object.entries(partitions).flatMap(([key, [from, to, digits]]) => [
            [`projection.${key}.type`, 'integer'],
            [`projection.${key}.range`, `${from},${to}`],
            [`projection.${key}.digits`, String(digits)],
          ]),
        ),
        'storage.location.template': `${location}${literal(template.join(''))}`,
      },
      partitionKeys: Object.keys(partitions).map((key) => ({ name: key, type: 'string' })),
      storageDescriptor: {
        location,
        inputFormat: 'org.apache.hadoop.mapred.TextInputFormat',
        outputFormat: 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat',
        serDeInfo: { serializationLibrary: 'org.openx.data.jsonserde.JsonSerDe', parameters: { 'ignore.malformed.json': 'false' } },
        columns: Object.entries(columns).map(([column, type]) => ({ name: column, type })),
      },
    });
    this.table = table.name;
  }
}
