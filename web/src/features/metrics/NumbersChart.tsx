import { useMemo } from 'react';
import { TimeChart } from '~/ui/charts/TimeChart';
import type { ChartDefinition } from './definitions';
import type { Numbers } from './numbers';

interface NumbersChartProps {
  definition: ChartDefinition;
  numbers: Numbers;
  group: string;
}

/** One of the charts there are, of some numbers. */
export function NumbersChart({ definition, numbers, group }: NumbersChartProps) {
  const { title, about, kind, format } = definition;
  const series = useMemo(() => definition.series(numbers), [definition, numbers]);
  const shaded = useMemo(() => definition.shaded?.(numbers), [definition, numbers]);
  return (
    <TimeChart
      title={title}
      about={about}
      kind={kind}
      buckets={numbers.buckets}
      bucketMs={numbers.bucketMs}
      series={series}
      group={group}
      {...(format ? { format } : {})}
      {...(shaded ? { shaded } : {})}
    />
  );
}
