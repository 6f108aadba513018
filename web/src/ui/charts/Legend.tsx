import { cn } from '~/lib/cn';
import type { DrawnSeries } from './Plot';
import { Swatch } from './Pointer';

interface LegendProps {
  series: readonly DrawnSeries[];
  hidden: ReadonlySet<string>;
  onToggle: (name: string) => void;
  /** Beside a name: the sum over the range. */
  sumOf: ((series: DrawnSeries) => string) | null;
  shadedTitle: string | undefined;
}

/** Names of the series. Those of several can be hidden, one by one. */
export function Legend({ series, hidden, onToggle, sumOf, shadedTitle }: LegendProps) {
  return (
    <div className="flex flex-wrap gap-x-1 px-2 text-xs">
      {series.map((each) => {
        const isHidden = hidden.has(each.name);
        const words = (
          <>
            <Swatch color={isHidden ? 'var(--line-strong)' : each.color} />
            <span className={cn('max-w-48 truncate', isHidden && 'line-through')}>
              {each.title}
            </span>
            {sumOf && <span className="text-ink-faint tabular-nums">{sumOf(each)}</span>}
          </>
        );
        const className =
          'inline-flex h-6 min-w-0 items-center gap-1.5 rounded px-1.5 text-ink-soft';
        return series.length > 1 ? (
          <button
            key={each.name}
            type="button"
            aria-pressed={!isHidden}
            title={isHidden ? `Show ${each.title}` : `Hide ${each.title}`}
            className={cn(className, 'hover:bg-hover hover:text-ink')}
            onClick={() => onToggle(each.name)}
          >
            {words}
          </button>
        ) : (
          <span key={each.name} title={each.title} className={className}>
            {words}
          </span>
        );
      })}
      {shadedTitle && (
        <span className="inline-flex h-6 items-center gap-1.5 px-1.5 text-ink-soft">
          <span
            aria-hidden
            className="size-2.5 rounded-xs border border-waiting-solid bg-waiting-soft"
          />
          {shadedTitle}
        </span>
      )}
    </div>
  );
}
