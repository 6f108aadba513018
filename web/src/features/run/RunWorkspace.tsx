import { useEffect, useRef } from 'react';
import { cn } from '~/lib/cn';
import { useRemembered } from '~/lib/storage';
import { Divider } from '~/ui/Divider';
import { endBefore } from './panel/before';
import { RunPanel } from './panel/RunPanel';
import { StepPanel } from './panel/StepPanel';
import type { RunFacts } from './queries';
import { findNode, type TraceNode } from './timeline/node';
import { Timeline } from './timeline/Timeline';

const isShare = (value: unknown): value is number => typeof value === 'number';

interface RunWorkspaceProps {
  run: RunFacts;
  root: TraceNode;
  isInline: boolean;
  selected: string;
  tab: string | undefined;
  onSelect: (id: string) => void;
  onTab: (tab: string) => void;
}

/** The timeline, and beside it what is known of the selected row; below it where there is no room. */
export function RunWorkspace(props: RunWorkspaceProps) {
  const { run, root, isInline } = props;
  const [percent, setPercent] = useRemembered('run.split', 58, isShare);
  const panel = useRef<HTMLElement>(null);
  const wanted = useRef(false);
  const node = findNode(root, props.selected) ?? root;
  const isRun = node === root;
  useEffect(() => {
    // On narrow screens the panel is below: whoever selects a row wants to see it.
    if (!wanted.current) return;
    wanted.current = false;
    if (matchMedia('(max-width: 1023px)').matches) panel.current?.scrollIntoView();
  });
  const select = (id: string) => {
    wanted.current = true;
    props.onSelect(id);
  };
  return (
    <div
      className={cn(
        'relative flex border-line border-t max-lg:flex-col',
        isInline ? 'lg:h-[min(34rem,75vh)]' : 'min-h-0 flex-1 max-lg:flex-none',
      )}
      style={{ '--share': `${percent}%` } as React.CSSProperties}
    >
      <div className="flex min-h-0 min-w-0 flex-col bg-surface max-lg:max-h-[60vh] max-lg:min-h-48 lg:w-(--share)">
        <Timeline root={root} selected={node.id} onSelect={select} />
      </div>
      <Divider
        label="Width of the timeline"
        percent={percent}
        min={30}
        max={75}
        onChange={setPercent}
        className="max-lg:hidden"
      />
      <section
        ref={panel}
        aria-label={isRun ? 'Run' : `Step ${node.name}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        tabIndex={0}
        className="min-w-0 flex-1 border-line bg-surface -outline-offset-2 max-lg:border-t lg:overflow-y-auto"
      >
        {isRun ? (
          <RunPanel run={run} root={root} tab={props.tab} onTab={props.onTab} />
        ) : (
          <StepPanel
            key={node.id}
            run={run}
            node={node}
            beforeMs={endBefore(root, node)}
            tab={props.tab}
            onTab={props.onTab}
            onBack={() => props.onSelect(root.id)}
          />
        )}
      </section>
    </div>
  );
}
