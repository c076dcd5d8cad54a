/** A CloudWatch dashboard as data: widgets in rows (Amazon CloudWatch API Reference, "Dashboard body structure and syntax"). */

/** Namespace, name, then dimensions as names and values; or an expression. */
export type Metric = readonly [...text: readonly string[], options: MetricOptions] | readonly [MetricExpression];

export interface MetricOptions {
  readonly label: string;
  readonly stat?: Statistic;
  /** An axis of its own for what has another unit. @default 'left' */
  readonly yAxis?: 'right';
}

export interface MetricExpression {
  readonly expression: string;
  readonly id: string;
  readonly label: string;
}

export type Statistic = 'Sum' | 'Average' | 'Maximum' | 'Minimum';

export type Picture =
  | { readonly kind: 'text'; readonly markdown: string }
  | { readonly kind: 'alarms'; readonly title: string; readonly arns: readonly string[] }
  | {
      readonly kind: 'metrics';
      readonly title: string;
      readonly stat: Statistic;
      readonly metrics: readonly Metric[];
      /** Seconds of a value. @default 300 */
      readonly period?: number;
      readonly stacked?: boolean;
    };

/** Pictures beside each other, of equal width unless a share says otherwise. */
export interface Row {
  readonly height: number;
  readonly pictures: readonly Picture[];
  /** Columns of each. @default the same */
  readonly columns?: readonly number[];
}

export interface Widget {
  readonly type: 'text' | 'alarm' | 'metric';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** Columns of the grid. */
export const gridColumns = 24;

/** Widgets of rows, each below the one before. Pictures without anything to show are left out, and so is a row of them. */
export function widgetsOf(rows: readonly Row[], region: string): readonly Widget[] {
  const widgets: Widget[] = [];
  let y = 0;
  for (const { height, pictures, columns } of rows) {
    const shown = pictures.filter((picture) => !isEmpty(picture));
    if (shown.length === 0) continue;
    const width = Math.floor(gridColumns / shown.length);
    let x = 0;
    for (const [index, picture] of shown.entries()) {
      const own = shown.length === pictures.length ? (columns?.[index] ?? width) : width;
      widgets.push({ ...widgetOf(picture, region), x, y, width: own, height });
      x += own;
    }
    y += height;
  }
  return widgets;
}

function isEmpty(picture: Picture): boolean {
  if (picture.kind === 'text') return false;
  return picture.kind === 'alarms' ? picture.arns.length === 0 : picture.metrics.length === 0;
}

function widgetOf(picture: Picture, region: string): Pick<Widget, 'type' | 'properties'> {
  switch (picture.kind) {
    case 'text':
      return { type: 'text', properties: { markdown: picture.markdown } };
    case 'alarms':
      // Those that ring come first.
      return { type: 'alarm', properties: { title: picture.title, alarms: picture.arns, sortBy: 'stateUpdatedTimestamp' } };
    case 'metrics': {
      const { title, stat, metrics, period = 300, stacked = false } = picture;
      const yAxis = { left: { min: 0 }, right: { min: 0 } };
      return { type: 'metric', properties: { title, region, view: 'timeSeries', stacked, stat, period, metrics, yAxis } };
    }
  }
}
