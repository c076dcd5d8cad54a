import { AwsError } from '../error.ts';
import { optionalNumber, optionalText, record, records, text, textMap } from '../input.ts';
import type { Input, Output } from '../service.ts';
import type { LogBatch, LogEvent } from './log-event.ts';
import { type LogFilter, logFilter } from './log-filter.ts';
import { isSelector, parsed, selectJson } from './log-filter-json.ts';
import type { MetricIdentity, MetricStore } from './metric-store.ts';

// Metric filters (CloudWatch Logs API Reference, PutMetricFilter; User Guide, "Filter pattern syntax for metric filters").

interface MetricFilter {
  readonly shown: Output;
  readonly matches: LogFilter;
  readonly namespace: string;
  readonly name: string;
  readonly unit?: string;
  /** A number, or a selector of one. */
  readonly value: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly defaultValue?: number;
}

const maximumFilters = 100;
const maximumDimensions = 3;

const invalid = (message: string): AwsError => new AwsError('InvalidParameterException', message);

export class LogMetrics {
  readonly #metrics: MetricStore;
  readonly #filters = new Map<string, Map<string, MetricFilter>>();

  constructor(metrics: MetricStore) {
    this.#metrics = metrics;
  }

  /** The filters of a group, by name. */
  of(group: string): Map<string, MetricFilter> {
    const found = this.#filters.get(group) ?? new Map<string, MetricFilter>();
    this.#filters.set(group, found);
    return found;
  }

  put(group: string, input: Input): Output {
    const filters = this.of(group);
    const filterName = text(input, 'filterName');
    if (!filters.has(filterName) && filters.size >= maximumFilters)
      throw new AwsError('LimitExceededException', 'Resource limit exceeded.');
    filters.set(filterName, readFilter(group, filterName, input));
    return {};
  }

  describe(group: string): Output {
    return { metricFilters: [...this.of(group).values()].map(({ shown }) => shown) };
  }

  observe({ group, events }: LogBatch): void {
    for (const filter of this.#filters.get(group)?.values() ?? []) {
      for (const event of events) {
        if (filter.matches(event.message)) this.#count(filter, event);
        // "The value reported during a period when logs are ingested but no matching logs are found."
        else if (filter.defaultValue !== undefined) this.#metrics.addDefault(identity(filter), event.timestamp, filter.defaultValue);
      }
    }
  }

  /** An event without the number, or without a field that is to be a dimension, counts in no metric. */
  #count(filter: MetricFilter, { timestamp, message }: LogEvent): void {
    const event = parsed(message);
    const value = isSelector(filter.value) ? selectJson(event, filter.value) : Number(filter.value);
    if (typeof value !== 'number') return;
    const dimensions: Record<string, string> = {};
    for (const [name, selector] of Object.entries(filter.dimensions)) {
      const found = selectJson(event, selector);
      if (found === undefined || found === null || typeof found === 'object') return;
      dimensions[name] = String(found);
    }
    this.#metrics.add({ ...identity(filter), dimensions }, timestamp, value);
  }
}

const identity = ({ namespace, name, unit }: MetricFilter): MetricIdentity => ({ namespace, name, ...(unit ? { unit } : {}) });

function readFilter(group: string, filterName: string, input: Input): MetricFilter {
  const filterPattern = optionalText(input, 'filterPattern') ?? '';
  const [transformation, ...more] = records(input, 'metricTransformations');
  if (transformation === undefined || more.length > 0) throw invalid(`${more.length + 1} metric transformations: a filter has one`);
  const value = text(transformation, 'metricValue');
  if (!isSelector(value) && !Number.isFinite(Number(value)))
    throw invalid(`metricValue '${value}': a number, or a selector such as $.size`);
  const dimensions =
    transformation.dimensions === undefined ? {} : textMap({ dimensions: record(transformation, 'dimensions') }, 'dimensions');
  const selectors = Object.values(dimensions);
  if (selectors.length > maximumDimensions) throw invalid(`${selectors.length} dimensions: a metric filter takes ${maximumDimensions}`);
  const wrong = selectors.find((selector) => !isSelector(selector));
  if (wrong !== undefined) throw invalid(`dimension '${wrong}': a selector such as $.domain`);
  const defaultValue = optionalNumber(transformation, 'defaultValue');
  if (defaultValue !== undefined && selectors.length > 0) throw invalid('defaultValue: not with dimensions');
  const unit = optionalText(transformation, 'unit');
  return {
    shown: { filterName, filterPattern, logGroupName: group, creationTime: Date.now(), metricTransformations: [transformation] },
    matches: logFilter(filterPattern),
    namespace: text(transformation, 'metricNamespace'),
    name: text(transformation, 'metricName'),
    value,
    dimensions,
    ...(unit ? { unit } : {}),
    ...(defaultValue === undefined ? {} : { defaultValue }),
  };
}
