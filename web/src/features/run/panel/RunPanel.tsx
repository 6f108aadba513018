import { Play } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { isEnded } from '~/lib/status';
import { Button } from '~/ui/Button';
import { Notice } from '~/ui/Notice';
import { modelUses, sumOfUses } from '../ai';
import type { RunFacts } from '../queries';
import { everyNode, type TraceNode } from '../timeline/node';
import { useRunTrigger, useSpanOutput } from '../useRun';
import { LinkedRuns } from './LinkedRuns';
import { hasLinkedRuns } from './linked';
import { MetadataView } from './MetadataView';
import { ModelSum } from './ModelSum';
import { shownMetadata } from './metadata';
import { outputTabs, TabBody, textTab } from './OutputTabs';
import { type PanelTab, PanelTabs } from './PanelTabs';
import { TriggerFacts } from './TriggerFacts';
import { inputText, invocationData } from './trigger';

const InvokeDialog = lazy(() => import('~/features/functions/InvokeDialog'));
const PREFERRED = ['error', 'output', 'input'];

interface RunPanelProps {
  run: RunFacts;
  root: TraceNode;
  tab: string | undefined;
  onTab: (tab: string) => void;
}

/** What is known of the run as a whole: what started it, and what it came to. */
export function RunPanel({ run, root, tab, onTab }: RunPanelProps) {
  const [isInvoking, setInvoking] = useState(false);
  const trigger = useRunTrigger(run.id);
  const output = useSpanOutput(run.id, root.span.outputID);
  const started = trigger.data?.runTrigger;
  const data = started && invocationData(started);
  const models = sumOfUses(modelUses(root));
  return (
    <div className="flex flex-col">
      <div className="flex flex-col gap-4 p-4">
        <div className="flex items-start justify-between gap-2">
          <h2 className="min-w-0 break-words pt-0.5 font-semibold">Started by</h2>
          {data !== undefined && run.app.method !== 'API' && (
            <Button size="small" icon={<Play />} onClick={() => setInvoking(true)}>
              Invoke with this input…
            </Button>
          )}
        </div>
        <TriggerFacts runId={run.id} />
        {models && <ModelSum use={models} />}
        {isEnded(run.status) && <DeletedSteps run={run} root={root} />}
      </div>
      <PanelTabs
        label="Of the run"
        tabs={tabsOf(run, root, started ? inputText(started) : null, output)}
        chosen={tab}
        preferred={PREFERRED}
        onChoose={onTab}
      />
      {isInvoking && (
        <Suspense>
          <InvokeDialog
            slug={run.function.slug}
            initialData={data}
            onClose={() => setInvoking(false)}
          />
        </Suspense>
      )}
    </div>
  );
}

function tabsOf(
  run: RunFacts,
  root: TraceNode,
  input: string | null,
  output: ReturnType<typeof useSpanOutput>,
): PanelTab[] {
  const { span } = root;
  const tabs = outputTabs(output, run.id).filter(({ value }) => value !== 'input');
  if (input !== null) tabs.push(textTab('input', 'Input', input, run.id));
  if (shownMetadata(span.metadata).length > 0) {
    const content = <MetadataView metadata={span.metadata} />;
    tabs.push({ value: 'metadata', title: 'Metadata', content: <TabBody>{content}</TabBody> });
  }
  if (hasLinkedRuns(run, root)) {
    tabs.push({ value: 'linked', title: 'Linked runs', content: <LinkedRuns run={run} /> });
  }
  return tabs;
}

/** A run that the app was called for has steps, or at least an outcome, until they are deleted. */
function DeletedSteps({ run, root }: { run: RunFacts; root: TraceNode }) {
  const hasRows = [...everyNode(root)].length > 1;
  if (hasRows || run.startedAt === null || run.cancelReason !== null) return null;
  return (
    <Notice title="Its steps are gone">
      They were deleted because of their age. What the run came to is kept for longer.
    </Notice>
  );
}
