/** How many identity events of each type there were: counted in the audit trail, through which every one of them passes. */
import { CloudwatchLogMetricFilter } from '@cdktf/provider-aws/lib/cloudwatch-log-metric-filter/index.js';
import { Construct } from 'constructs';
import type { AuditTrail } from '../audit/audit-trail.ts';
import type { IntegrationEnvironment } from '../platform/integration-environment.ts';

export interface TrailMetricsProps {
  readonly environment: IntegrationEnvironment;
  readonly audit: AuditTrail;
}

/** Name of the metric, whose dimensions are the source of an event and its type. */
export const eventsMetric = 'IdentityEvents';

export class TrailMetrics extends Construct {
  constructor(scope: Construct, id: string, { environment, audit }: TrailMetricsProps) {
    super(scope, id);
    const dimensions = { Source: '$.unmapped.source', Type: '$.metadata.event_code' };
    new CloudwatchLogMetricFilter(this, 'events', {
      name: eventsMetric,
      logGroupName: audit.logGroupName,
      pattern: `{ ${Object.values(dimensions)
        .map((field) => `${field} = *`)
        .join(' && ')} }`,
      metricTransformation: { namespace: environment.metricNamespace, name: eventsMetric, value: '1', unit: 'Count', dimensions },
    });
  }
}
