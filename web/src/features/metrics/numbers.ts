/** What was counted in a range of time. */
import type { Latencies } from './latency';

export interface Numbers {
  buckets: readonly string[];
  bucketMs: number;
  series: readonly { name: string; values: readonly number[] }[];
  histograms: readonly { name: string; counts: readonly (readonly number[])[] }[];
  latencyBoundsMs: readonly number[];
}

/** The values of a series; zeros if the answer has none of that name. */
export function valuesOf(numbers: Numbers, name: string): readonly number[] {
  const found = numbers.series.find((series) => series.name === name);
  return found?.values ?? numbers.buckets.map(() => 0);
}

/** The values of several series, added up. */
export function sumOf(numbers: Numbers, ...names: string[]): number[] {
  const rows = names.map((name) => valuesOf(numbers, name));
  return numbers.buckets.map((_, index) => rows.reduce((sum, row) => sum + (row[index] ?? 0), 0));
}

/** All that was counted under these names. */
export function totalOf(numbers: Numbers, ...names: string[]): number {
  return sumOf(numbers, ...names).reduce((sum, value) => sum + value, 0);
}

/** The last value of a gauge: what there is at the end of the range. */
export function lastOf(numbers: Numbers, name: string): number {
  return valuesOf(numbers, name).at(-1) ?? 0;
}

export function latenciesOf(numbers: Numbers, name: string): Latencies {
  const found = numbers.histograms.find((histogram) => histogram.name === name);
  return { counts: found?.counts ?? [], boundsMs: numbers.latencyBoundsMs };
}

const PERCENT = new Intl.NumberFormat(undefined, { style: 'percent', maximumFractionDigits: 2 });

/** The part of `ended` that failed, from 0 to 1; null while nothing has ended. */
export function failureRate(ended: number, failed: number): number | null {
  return ended > 0 ? failed / ended : null;
}

/** "2.35%"; a dash while nothing has ended; never 0% or 100% where that is only nearly so. */
export function formatRate(rate: number | null): string {
  if (rate === null) return '–';
  if (rate > 0 && rate < 0.0001) return '< 0.01%';
  if (rate < 1 && rate > 0.9999) return '> 99.99%';
  return PERCENT.format(rate);
}
