// What CloudWatch keeps of custom metrics: one datapoint a minute for each set of dimensions (CloudWatch User Guide, "Resolution": standard).

export interface Datapoint {
  /** Epoch milliseconds at which its minute began. */
  readonly timestamp: number;
  readonly sampleCount: number;
  readonly sum: number;
  readonly minimum: number;
  readonly maximum: number;
}

export interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly unit: string;
  /** In order of time. */
  readonly datapoints: readonly Datapoint[];
}

export interface MetricIdentity {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions?: Readonly<Record<string, string>>;
  readonly unit?: string;
}

interface Series {
  readonly identity: Omit<Metric, 'datapoints'>;
  readonly minutes: Map<number, Datapoint>;
  /** What a minute without a value counts. */
  readonly defaults: Map<number, number>;
}

const minute = 60_000;
const minuteOf = (timestamp: number): number => Math.floor(timestamp / minute) * minute;

const one = (timestamp: number, value: number): Datapoint => ({ timestamp, sampleCount: 1, sum: value, minimum: value, maximum: value });

export class MetricStore {
  readonly #series = new Map<string, Series>();

  add(metric: MetricIdentity, timestamp: number, value: number): void {
    const { minutes } = this.#of(metric);
    const at = minuteOf(timestamp);
    const found = minutes.get(at);
    const added = found && {
      timestamp: at,
      sampleCount: found.sampleCount + 1,
      sum: found.sum + value,
      minimum: Math.min(found.minimum, value),
      maximum: Math.max(found.maximum, value),
    };
    minutes.set(at, added ?? one(at, value));
  }

  /** A value for a minute in which nothing else is reported. */
  addDefault(metric: MetricIdentity, timestamp: number, value: number): void {
    this.#of(metric).defaults.set(minuteOf(timestamp), value);
  }

  all(): readonly Metric[] {
    return [...this.#series.values()].map(({ identity, minutes, defaults }) => {
      const quiet = [...defaults].filter(([at]) => !minutes.has(at)).map(([at, value]) => one(at, value));
      const datapoints = [...minutes.values(), ...quiet].sort((first, second) => first.timestamp - second.timestamp);
      return { ...identity, datapoints };
    });
  }

  /** Of exactly these dimensions, whatever its unit, in order of time. */
  of({ namespace, name, dimensions = {} }: MetricIdentity): Datapoint[] {
    const sorted = (all: Readonly<Record<string, string>>) =>
      JSON.stringify(Object.entries(all).sort(([first], [second]) => (first < second ? -1 : 1)));
    const wanted = sorted(dimensions);
    return this.all()
      .filter((metric) => metric.namespace === namespace && metric.name === name && sorted(metric.dimensions) === wanted)
      .flatMap(({ datapoints }) => datapoints);
  }

  #of({ namespace, name, dimensions = {}, unit = 'None' }: MetricIdentity): Series {
    const sorted = Object.fromEntries(Object.entries(dimensions).sort(([first], [second]) => (first < second ? -1 : 1)));
    const key = JSON.stringify([namespace, name, unit, sorted]);
    const found = this.#series.get(key) ?? {
      identity: { namespace, name, dimensions: sorted, unit },
      minutes: new Map<number, Datapoint>(),
      defaults: new Map<number, number>(),
    };
    this.#series.set(key, found);
    return found;
  }
}
