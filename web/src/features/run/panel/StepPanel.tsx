import { Link } from '@tanstack/react-router';
import { ArrowLeft, RotateCw } from 'lucide-react';
import { lazy, Suspense, useMemo, useState } from 'react';
import { isEnded } from '~/lib/status';
import { useNow } from '~/lib/time';
import { Button, IconButton } from '~/ui/Button';
import { Notice } from '~/ui/Notice';
import { canRerun } from '../actions/RunActions';
import { type ModelUse, modelUseOfAnswer, modelUses, sumOfUses } from '../ai';
import type { RunFacts } from '../queries';
import { WaitingWords } from '../RunNotices';
import type { TraceNode } from '../timeline/node';
import { useRunWaiting, useSpanOutput } from '../useRun';
import { heldUp } from '../waiting';
import { remarkOf } from '../waits';
import { AttributesView, HeadersView } from './HeadersView';
import { MetadataView } from './MetadataView';
import { ModelSum } from './ModelSum';
import { shownMetadata } from './metadata';
import { outputTabs, TabBody } from './OutputTabs';
import { type PanelTab, PanelTabs } from './PanelTabs';
import { StepFacts } from './StepFacts';
import { sentEventIds } from './sent-events';
import { TimeSplit } from './TimeSplit';

const RerunFromStep = lazy(() => import('../actions/RerunFromStep'));
const PREFERRED = ['error', 'output', 'input', 'attributes', 'metadata'];

interface StepPanelProps {
  run: RunFacts;
  node: TraceNode;
  /** When the step before it ended; null if that cannot be said. */
  beforeMs: number | null;
  tab: string | undefined;
  onTab: (tab: string) => void;
  /** Leads back to the run. */
  onBack: () => void;
}

/** What is known of one row of the timeline. */
export function StepPanel(props: StepPanelProps) {
  const { run, node } = props;
  const [isRerunning, setRerunning] = useState(false);
  const output = useSpanOutput(run.id, node.span.outputID);
  const brought = output.data?.runTraceSpanOutputByID.data ?? null;
  const models = useMemo(() => modelUseOf(node, brought), [node, brought]);
  const retries = node.attemptCount - 1;
  return (
    <div className="flex flex-col">
      <div className="flex flex-col gap-4 p-4">
        <div className="flex items-start gap-2">
          <IconButton label="Back to the run" icon={<ArrowLeft />} onClick={props.onBack} />
          <h2 className="min-w-0 flex-1 break-words pt-0.5 font-semibold">{node.name}</h2>
          {node.span.stepID !== null && node.kind !== 'attempt' && canRerun(run) && (
            <Button size="small" icon={<RotateCw />} onClick={() => setRerunning(true)}>
              Rerun from here…
            </Button>
          )}
        </div>
        <Remark node={node} />
        {retries > 0 && (
          <p className="text-ink-soft">
            Repeated {retries === 1 ? 'once' : `${retries} times`}. Open the row to see every
            attempt.
          </p>
        )}
        {node.isLeftOpen && (
          <Notice>It had not ended when the run did, and was not carried on.</Notice>
        )}
        {!isEnded(node.status) && <Held runId={run.id} node={node} />}
        <StepFacts node={node} />
        <TimeSplit node={node} beforeMs={props.beforeMs} />
        {models && <ModelSum use={models} />}
        <SentEvents node={node} output={brought} />
      </div>
      <PanelTabs
        label={`Of ${node.name}`}
        tabs={tabsOf(run.id, node, output)}
        chosen={props.tab}
        preferred={PREFERRED}
        onChoose={props.onTab}
      />
      {isRerunning && (
        <Suspense>
          <RerunFromStep run={run} node={node} onClose={() => setRerunning(false)} />
        </Suspense>
      )}
    </div>
  );
}

function tabsOf(
  runId: string,
  node: TraceNode,
  output: ReturnType<typeof useSpanOutput>,
): PanelTab[] {
  const { span } = node;
  const tabs = span.outputID === null ? [] : outputTabs(output, node.name);
  if (node.kind === 'user') {
    const content = <AttributesView runId={runId} spanId={span.spanID} />;
    tabs.push({
      value: 'attributes',
      title: 'Attributes',
      content: <TabBody>{content}</TabBody>,
    });
  }
  if (span.response) {
    const content = <HeadersView runId={runId} spanId={span.spanID} />;
    tabs.push({ value: 'headers', title: 'Headers', content: <TabBody>{content}</TabBody> });
  }
  if (shownMetadata(span.metadata).length > 0) {
    const content = <MetadataView metadata={span.metadata} />;
    tabs.push({ value: 'metadata', title: 'Metadata', content: <TabBody>{content}</TabBody> });
  }
  return tabs;
}

/** What the step took of models: as was noted, else as their answer says. */
function modelUseOf(node: TraceNode, output: string | null): ModelUse | null {
  const noted = sumOfUses(modelUses(node));
  if (noted !== null || node.kind !== 'model' || output === null) return noted;
  return modelUseOfAnswer(output);
}

/** What it waits for, and until when. */
function Remark({ node }: { node: TraceNode }) {
  const nowMs = useNow(node.endedMs === null ? 1000 : null);
  const remark = remarkOf(node, nowMs);
  if (remark === null) return null;
  return <p className="text-waiting-ink">{remark}</p>;
}

/** Why the step cannot begin. */
function Held({ runId, node }: { runId: string; node: TraceNode }) {
  const { data } = useRunWaiting(runId, true);
  const [item] = heldUp(data?.runWaiting ?? []).filter(({ stepID }) => stepID === node.span.stepID);
  if (!item) return null;
  return (
    <Notice severity="warning" title="Held up">
      <WaitingWords item={item} />
    </Notice>
  );
}

/** Links to the events that the step sent. */
function SentEvents({ node, output }: { node: TraceNode; output: string | null }) {
  const ids = sentEventIds(node.span.stepType, output);
  if (ids.length === 0) return null;
  return (
    <section>
      <h3 className="text-ink-faint text-xs">Events it sent</h3>
      <ul className="mt-0.5">
        {ids.map((id) => (
          <li key={id}>
            <Link
              to="/events/$eventId"
              params={{ eventId: id }}
              className="font-mono text-[0.8125rem] text-accent hover:underline"
            >
              {id}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
