/** The questions as saved queries: of the log group in CloudWatch Logs Insights, of the table in a workgroup of Athena. */
import { AthenaNamedQuery } from '@cdktf/provider-aws/lib/athena-named-query/index.js';
import { AthenaWorkgroup } from '@cdktf/provider-aws/lib/athena-workgroup/index.js';
import { CloudwatchQueryDefinition } from '@cdktf/provider-aws/lib/cloudwatch-query-definition/index.js';
import { Construct } from 'constructs';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';
import { PrivateBucket } from '../platform/private-bucket.ts';
import { athenaQueries, insightsQueries, questions } from './queries.ts';
import type { TrailTable } from './trail-table.ts';

export interface SavedQueriesProps {
  readonly environment: IntegrationEnvironment;
  readonly logGroupName: string;
  readonly table: TrailTable;
}

/** Days the result of a query is kept: it holds what the trail holds, without its lock. */
const resultDays = 7;

export class SavedQueries extends Construct {
  /** `<prefix>-<environment>-audit`. */
  readonly workgroup: string;
  /** Results of queries. */
  readonly results: PrivateBucket;

  constructor(scope: Construct, id: string, { environment, logGroupName, table }: SavedQueriesProps) {
    super(scope, id);
    const own = `${environment.prefix}-${environment.name}-audit`;
    const keyArn = environment.key.arn;
    this.results = new PrivateBucket(this, 'results', { environment, name: 'answers', keyArn, expireAfterDays: resultDays });
    const workgroup = new AthenaWorkgroup(this, 'workgroup', {
      name: own,
      description: `questions to the audit trail of ${environment.prefix} ${environment.name}`,
      configuration: {
        // Nobody's own settings take results to another place, or leave them unencrypted.
        enforceWorkgroupConfiguration: true,
        resultConfiguration: {
          outputLocation: `s3://${this.results.name}/`,
          encryptionConfiguration: { encryptionOption: 'SSE_KMS', kmsKeyArn: keyArn },
        },
      },
      forceDestroy: !environment.deletionProtection,
    });
    this.workgroup = workgroup.name;
    const sql = athenaQueries(`${table.database}.${table.table}`);
    for (const question of questions) {
      // A slash makes a folder in the console (Amazon CloudWatch Logs User Guide, "Save and re-run CloudWatch Logs Insights queries").
      new CloudwatchQueryDefinition(this, `insights-${question}`, {
        name: `${own}/${question}`,
        logGroupNames: [logGroupName],
        queryString: insightsQueries[question],
      });
      new AthenaNamedQuery(this, `athena-${question}`, {
        name: `${own}-${question}`,
        workgroup: workgroup.name,
        database: table.database,
        query: sql[question],
      });
    }
  }
}
