/** Metrics of a function from its own log: no call, no permission, and a line that is there is counted, whatever became of the function. */
import { CloudwatchLogMetricFilter } from '@cdktf/provider-aws/lib/cloudwatch-log-metric-filter/index.js';
import { Construct } from 'constructs';
import type { HandlerFunction } from './handler-function.ts';
import type { IntegrationEnvironment } from './integration-environment.ts';
import type { NonEmpty } from './prop-checks.ts';

export interface LogMetric {
  readonly name: string;
  /** Codes of the lines that give a value, their `message`. */
  readonly messages: NonEmpty<string>;
  /** Field with the value: `$.lagSeconds`. @default none, each line counts 1 */
  readonly field?: string;
  /** @default 'Count' */
  readonly unit?: 'Count' | 'Seconds';
}

export interface LogMetricsProps {
  readonly environment: IntegrationEnvironment;
  readonly function: HandlerFunction;
  readonly metrics: readonly LogMetric[];
  /** @default the environment's */
  readonly namespace?: string;
  /** Dimension, and the field whose value it has. @default none */
  readonly dimension?: { readonly name: string; readonly field: string };
}

export class LogMetrics extends Construct {
  constructor(scope: Construct, id: string, props: LogMetricsProps) {
    super(scope, id);
    const { dimension } = props;
    for (const { name, messages, field, unit } of props.metrics) {
      const filter = `${name}-${messages[0]}`;
      new CloudwatchLogMetricFilter(this, filter, {
        name: filter,
        logGroupName: props.function.logGroupName,
        pattern: pattern(
          messages,
          [dimension?.field, field].filter((one) => one !== undefined),
        ),
        metricTransformation: {
          namespace: props.namespace ?? props.environment.metricNamespace,
          name,
          value: field ?? '1',
          unit: unit ?? 'Count',
          // A metric with dimensions takes no default value (CloudWatch Logs User Guide, "Creating metric filters").
          ...(dimension ? { dimensions: { [dimension.name]: dimension.field } } : {}),
        },
      });
    }
  }
}

/** The fields that are used have to be part of the pattern: a line without them gives no value. */
function pattern(messages: readonly string[], fields: readonly string[]): string {
  const any = messages.map((message) => `$.message = "${message}"`).join(' || ');
  return `{ ${[messages.length > 1 ? `(${any})` : any, ...fields.map((field) => `${field} = *`)].join(' && ')} }`;
}
