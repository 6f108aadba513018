export interface ChartSeries {
  name: string;
  title: string;
  values: readonly number[];
  /** A CSS colour; the default is the next of the chart colours. */
  color?: string;
}

export interface TimeChartProps {
  title: string;
  /** What the numbers mean, for whoever wonders. */
  about?: string;
  kind: 'bars' | 'lines' | 'areas';
  /** Starts of the buckets, RFC 3339; every series has one value for each. */
  buckets: readonly string[];
  bucketMs: number;
  series: readonly ChartSeries[];
  /** How a value is written; the default is a number with groups. */
  format?: (value: number) => string;
  /** Charts of one group share the line under the pointer. */
  group?: string;
}

/** Numbers over time, with a legend, the values under the pointer, and a table for screen readers. */
export function TimeChart(_props: TimeChartProps) {
  return null;
}
