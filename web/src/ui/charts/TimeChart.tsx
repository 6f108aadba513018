import { ChartColumn, Info, Table2 } from 'lucide-react';
import { useId, useMemo, useState } from 'react';
import { IconButton } from '../Button';
import { Tooltip } from '../Tooltip';
import { formatCompact, formatCount } from './axes';
import { useCrosshair } from './crosshair';
import { frameOf, PLOT_HEIGHT } from './frame';
import { Legend } from './Legend';
import { type DrawnSeries, Plot } from './Plot';
import { Pointer } from './Pointer';
import { useWidth } from './useWidth';
import { ValueTable } from './ValueTable';

export interface ChartSeries {
  name: string;
  title: string;
  /** NaN where there is no value: a line has a gap there. */
  values: readonly number[];
  /** A CSS colour; the default is the next of the chart colours. */
  color?: string;
}

export interface TimeChartProps {
  title: string;
  /** What the numbers mean, for whoever wonders. */
  about?: string;
  /** Bars stand on top of each other; lines and areas do not. */
  kind: 'bars' | 'lines' | 'areas';
  /** Starts of the buckets, RFC 3339; every series has one value for each. */
  buckets: readonly string[];
  bucketMs: number;
  series: readonly ChartSeries[];
  /** How a value is written; the default is a number with groups. */
  format?: (value: number) => string;
  /** Charts of one group share the line under the pointer. */
  group?: string;
  /** Buckets with a coloured background, and what that means. */
  shaded?: { title: string; isShaded: readonly boolean[] };
}

/** Numbers over time: a legend that hides series, the values under the pointer, and all as a table. */
export function TimeChart(props: TimeChartProps) {
  const { title, about, kind, buckets, bucketMs, format = formatCount, shaded } = props;
  const captionId = useId();
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [isTable, setTable] = useState(false);
  const [box, width] = useWidth<HTMLDivElement>();
  const crosshair = useCrosshair(props.group);
  const firstMs = Date.parse(buckets[0] ?? '');
  const count = buckets.length;

  const series = useMemo(() => coloured(props.series), [props.series]);
  const shown = useMemo(() => series.filter(({ name }) => !hidden.has(name)), [series, hidden]);
  const axisFormat = props.format ?? formatCompact;
  const frame = useMemo(() => {
    if (width === 0 || count === 0) return null;
    const values = shown.map((each) => each.values);
    const isStacked = kind === 'bars';
    return frameOf({
      width,
      firstMs,
      bucketMs,
      count,
      series: values,
      isStacked,
      format: axisFormat,
    });
  }, [width, count, firstMs, bucketMs, shown, kind, axisFormat]);
  const isEmpty = series.every(({ values }) => !values.some((value) => value > 0));
  const toggle = (name: string) => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    setHidden(next);
  };

  return (
    <figure
      aria-labelledby={captionId}
      className="min-w-0 rounded-lg border border-line bg-surface pb-1"
    >
      <figcaption className="flex h-10 items-center gap-1 pr-1.5 pl-3.5">
        <span id={captionId} className="min-w-0 truncate font-semibold" title={title}>
          {title}
        </span>
        {about && <About title={title} about={about} />}
        <span className="flex-1" />
        <IconButton
          label={isTable ? `${title} as a chart` : `${title} as a table`}
          icon={isTable ? <ChartColumn /> : <Table2 />}
          onClick={() => setTable(!isTable)}
        />
      </figcaption>
      <Legend
        series={series}
        hidden={hidden}
        onToggle={toggle}
        sumOf={kind === 'bars' ? (each) => format(sum(each.values)) : null}
        shadedTitle={shaded?.isShaded.some(Boolean) ? shaded.title : undefined}
      />
      <div ref={box} className="relative" style={{ minHeight: PLOT_HEIGHT }}>
        {isTable ? (
          <ValueTable {...{ title, firstMs, bucketMs, count, format }} series={shown} />
        ) : (
          frame && (
            <>
              <Plot
                kind={kind}
                frame={frame}
                width={width}
                series={shown}
                shaded={shaded?.isShaded}
              />
              {isEmpty ? (
                <p className="absolute inset-x-0 top-1/3 text-center text-ink-faint">
                  Nothing in this range.
                </p>
              ) : (
                <Pointer
                  {...{ title, crosshair, frame, firstMs, bucketMs, count, format, shaded }}
                  series={shown}
                  hasSum={kind === 'bars'}
                />
              )}
            </>
          )
        )}
      </div>
    </figure>
  );
}

function About({ title, about }: { title: string; about: string }) {
  return (
    <Tooltip text={about}>
      <button
        type="button"
        aria-label={`About ${title}: ${about}`}
        className="inline-flex size-6 shrink-0 cursor-help items-center justify-center rounded text-ink-faint hover:text-ink"
      >
        <Info className="size-3.5" aria-hidden />
      </button>
    </Tooltip>
  );
}

function coloured(series: readonly ChartSeries[]): DrawnSeries[] {
  return series.map((each, index) => ({
    ...each,
    color: each.color ?? `var(--chart-${(index % 6) + 1})`,
  }));
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + (Number.isFinite(value) ? value : 0), 0);
}
