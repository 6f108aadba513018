import { Tooltip } from '@base-ui/react/tooltip';
import type { RefObject } from 'react';
import { formatDuration } from '~/lib/duration';
import { lookOf } from '~/lib/status';
import { formatTimePrecise } from '../clock';
import { breakdownOf } from './breakdown';
import type { TraceNode } from './node';

/** Leads from rows to the one card that all of them share. */
export type RowCardHandle = Tooltip.Handle<TraceNode>;

export function newRowCardHandle(): RowCardHandle {
  return Tooltip.createHandle<TraceNode>();
}

/** What the bar means that is pointed at, or whose row has the focus, in numbers. */
export function RowCard(props: {
  handle: RowCardHandle;
  nowMs: number;
  /** Where the card belongs in the page. */
  container: RefObject<HTMLElement | null>;
}) {
  const { handle, nowMs, container } = props;
  return (
    <Tooltip.Root handle={handle}>
      {({ payload: node }) => (
        <Tooltip.Portal container={container}>
          <Tooltip.Positioner side="top" sideOffset={2} positionMethod="fixed" className="z-60">
            <Tooltip.Popup className="rounded-md border border-line bg-raised px-3 py-2 text-xs shadow-float">
              {node && <Numbers node={node} nowMs={nowMs} />}
            </Tooltip.Popup>
          </Tooltip.Positioner>
        </Tooltip.Portal>
      )}
    </Tooltip.Root>
  );
}

function Numbers({ node, nowMs }: { node: TraceNode; nowMs: number }) {
  const parts = breakdownOf(node, null, nowMs);
  const totalMs = (node.endedMs ?? nowMs) - node.queuedMs;
  return (
    <div className="flex min-w-52 flex-col gap-1.5 tabular-nums">
      <p className="flex justify-between gap-4 font-medium">
        <span className="max-w-56 truncate">{node.name}</span>
        <span>{lookOf(node.status).title}</span>
      </p>
      <dl className="grid grid-cols-[1fr_auto] gap-x-6 gap-y-0.5">
        {parts.map((part) => (
          <Line key={part.name} name={part.name} value={formatDuration(part.ms)} />
        ))}
        {parts.length !== 1 && <Line name="In all" value={formatDuration(totalMs)} />}
        <Line name="Queued" value={formatTimePrecise(node.queuedMs)} />
        {node.startedMs !== null && (
          <Line name="Started" value={formatTimePrecise(node.startedMs)} />
        )}
        <Line
          name="Ended"
          value={node.endedMs === null ? 'goes on' : formatTimePrecise(node.endedMs)}
        />
      </dl>
    </div>
  );
}

function Line({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt className="text-ink-soft">{name}</dt>
      <dd className="text-right">{value}</dd>
    </>
  );
}
