import { ChevronsDownUp, ChevronsUpDown, ZoomOut } from 'lucide-react';
import { formatDurationShort } from '~/lib/duration';
import { IconButton } from '~/ui/Button';
import { Input } from '~/ui/Field';
import { Brush } from './Brush';
import { ticksOf } from './ticks';
import type { Zoom } from './useZoom';

/** From how many rows on it is worth looking for a name. */
const ROWS_TO_FILTER = 20;
const TICKS_MAX = 6;
/** Further to the right there is no room for words. */
const LAST_TICK_PERCENT = 88;

interface TimelineHeadProps {
  zoom: Zoom;
  namesPercent: number;
  rowCount: number;
  filter: string;
  onFilter: (filter: string) => void;
  canExpand: boolean;
  canCollapse: boolean;
  onExpandAll: () => void;
  onCollapseAll: () => void;
}

/** Above the rows: what opens and finds them, and which part of the time is shown. */
export function TimelineHead(props: TimelineHeadProps) {
  const { zoom, filter } = props;
  const { whole, window } = zoom;
  const ticks = ticksOf(window, whole.fromMs, TICKS_MAX).filter(
    (tick) => tick.leftPercent < LAST_TICK_PERCENT,
  );
  const canFilter = props.rowCount > ROWS_TO_FILTER || filter !== '';
  return (
    <div className="flex shrink-0 border-line border-b">
      <div
        className="flex shrink-0 items-center gap-0.5 px-2"
        style={{ width: `${props.namesPercent}%` }}
      >
        {canFilter ? (
          <Input
            type="search"
            aria-label="Find a step by its name"
            placeholder="Find a step…"
            value={filter}
            onChange={(event) => props.onFilter(event.target.value)}
            className="h-7 text-xs"
          />
        ) : (
          <span className="px-1 text-ink-faint text-xs">Steps</span>
        )}
        <span className="ml-auto flex">
          {zoom.isZoomed && (
            <IconButton
              label="Show the whole run"
              icon={<ZoomOut />}
              onClick={() => zoom.set(null)}
            />
          )}
          {props.canExpand && (
            <IconButton label="Expand all" icon={<ChevronsUpDown />} onClick={props.onExpandAll} />
          )}
          {props.canCollapse && (
            <IconButton
              label="Collapse all"
              icon={<ChevronsDownUp />}
              onClick={props.onCollapseAll}
            />
          )}
        </span>
      </div>
      <div className="relative min-w-0 flex-1 px-3 pt-1.5">
        <Brush whole={whole} window={window} onChange={zoom.set} />
        <div className="relative mt-1 h-5 overflow-hidden text-ink-faint text-xs tabular-nums">
          {ticks.map((tick) => (
            <span
              key={tick.afterMs}
              className="absolute top-0 whitespace-nowrap border-line-strong border-l pl-1 max-sm:even:hidden"
              style={{ left: `${tick.leftPercent}%` }}
            >
              {formatDurationShort(tick.afterMs)}
            </span>
          ))}
        </div>
      </div>
    </div>
  );
}
