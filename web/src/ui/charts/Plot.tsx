import { memo } from 'react';
import { areaPath, barsPath, dotsPath, type Frame, linePath, PLOT_HEIGHT } from './frame';
import { runsOf, stacked } from './stacking';

export interface DrawnSeries {
  name: string;
  title: string;
  values: readonly number[];
  color: string;
}

interface PlotProps {
  kind: 'bars' | 'lines' | 'areas';
  frame: Frame;
  width: number;
  series: readonly DrawnSeries[];
  shaded: readonly boolean[] | undefined;
}

/** Axes and marks. Drawn anew for other values or another width, not when something is pointed at. */
export const Plot = memo(function Plot({ kind, frame, width, series, shaded }: PlotProps) {
  return (
    <svg width={width} height={PLOT_HEIGHT} aria-hidden className="block select-none">
      {shaded && <Shades shaded={shaded} frame={frame} />}
      <ValueAxis frame={frame} />
      <TimeAxis frame={frame} width={width} />
      {kind === 'bars' ? (
        <Bars series={series} frame={frame} />
      ) : (
        series.map(({ name, values, color }) => (
          <g key={name}>
            {kind === 'areas' && <path d={areaPath(values, frame)} fill={color} opacity={0.14} />}
            <path
              d={linePath(values, frame)}
              fill="none"
              stroke={color}
              strokeWidth={1.75}
              strokeLinecap="round"
              strokeLinejoin="round"
            />
            <path
              d={dotsPath(values, frame)}
              fill="none"
              stroke={color}
              strokeWidth={5}
              strokeLinecap="round"
            />
          </g>
        ))
      )}
    </svg>
  );
});

function Bars({ series, frame }: { series: readonly DrawnSeries[]; frame: Frame }) {
  const extents = stacked(series.map(({ values }) => values));
  return series.map(({ name, color }, index) => (
    <path key={name} d={barsPath(extents[index] ?? [], frame)} fill={color} />
  ));
}

function Shades({ shaded, frame }: { shaded: readonly boolean[]; frame: Frame }) {
  return runsOf(shaded).map(([first, last]) => (
    <rect
      key={first}
      x={frame.middle(first) - frame.bucketWidth / 2}
      y={frame.top}
      width={(last - first + 1) * frame.bucketWidth}
      height={frame.bottom - frame.top}
      fill="var(--waiting-soft)"
    />
  ));
}

function ValueAxis({ frame }: { frame: Frame }) {
  return frame.valueTicks.map(({ value, label }) => (
    <g key={value} transform={`translate(0 ${Math.round(frame.y(value)) + 0.5})`}>
      <line x1={frame.left} x2={frame.right} stroke="var(--line)" />
      <text
        x={frame.left - 8}
        dy="0.32em"
        textAnchor="end"
        fill="var(--ink-faint)"
        className="text-[11px] tabular-nums"
      >
        {label}
      </text>
    </g>
  ));
}

function TimeAxis({ frame, width }: { frame: Frame; width: number }) {
  return frame.timeTicks.map(({ ms, label, isDay }) => {
    const x = frame.x(ms);
    // A label that would be cut off stands inside.
    const half = label.length * 3.2;
    const anchor = x - half < 4 ? 'start' : x + half > width - 4 ? 'end' : 'middle';
    return (
      <g key={ms} transform={`translate(${Math.round(x) + 0.5} ${frame.bottom})`}>
        <line y2={4} stroke="var(--line-strong)" />
        <text
          y={17}
          textAnchor={anchor}
          fill={isDay ? 'var(--ink-soft)' : 'var(--ink-faint)'}
          className={isDay ? 'font-medium text-[11px]' : 'text-[11px]'}
        >
          {label}
        </text>
      </g>
    );
  });
}
