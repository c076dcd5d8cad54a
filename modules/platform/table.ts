/** A DynamoDB table of the integration: on demand, encrypted, restorable to any second, and not deleted by accident. */
import { DynamodbTable, type DynamodbTableConfig } from '@cdktf/provider-aws/lib/dynamodb-table/index.js';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from './integration-environment.ts';

export interface TableProps {
  readonly environment: IntegrationEnvironment;
  /** Last part of the table's name. */
  readonly name: string;
  /** Sort key, indexes, stream and the like; the hash key is `pk`, a string. @default none */
  readonly shape?: Pick<
    DynamodbTableConfig,
    'rangeKey' | 'attribute' | 'globalSecondaryIndex' | 'ttl' | 'streamEnabled' | 'streamViewType'
  >;
}

export class Table extends Construct {
  readonly name: string;
  readonly arn: string;
  /** The name itself, which synth knows. */
  readonly plainName: string;
  /** ARN of the stream, for a table that has one. */
  readonly streamArn: string;

  constructor(scope: Construct, id: string, props: TableProps) {
    super(scope, id);
    this.plainName = props.environment.resourceName('table', props.name);
    const table = new DynamodbTable(this, 'table', {
      attribute: [{ name: 'pk', type: 'S' }],
      ...props.shape,
      name: this.plainName,
      billingMode: 'PAY_PER_REQUEST',
      hashKey: 'pk',
      pointInTimeRecovery: { enabled: true },
      serverSideEncryption: { enabled: true },
      deletionProtectionEnabled: props.environment.deletionProtection,
    });
    this.name = table.name;
    this.arn = table.arn;
    this.streamArn = table.streamArn;
  }
}
