import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { useRequest } from '~/lib/queries';
import { Button } from '~/ui/Button';
import { JsonEditor } from '~/ui/code/JsonEditor';
import { Dialog } from '~/ui/Dialog';
import { ErrorNotice, Notice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { toastDone } from '~/ui/toasts';
import type { RunFacts } from '../queries';
import type { TraceNode } from '../timeline/node';
import { useSpanOutput } from '../useRun';
import { RerunMutation } from './mutations';
import { readInput, setOutInput } from './step-input';

/** Steps whose arguments can be replaced. */
const EDITABLE = new Set(['RUN', 'AI_GATEWAY']);
const EDITOR_LINES = 12;

interface RerunFromStepProps {
  run: RunFacts;
  node: TraceNode;
  onClose: () => void;
}

/** Asks from which step on a run is to be run again, and with which input. */
export default function RerunFromStep(props: RerunFromStepProps) {
  const { run, node } = props;
  const output = useSpanOutput(run.id, node.span.outputID);
  if (node.span.outputID === null) return <Form {...props} input={null} />;
  if (output.data) return <Form {...props} input={output.data.runTraceSpanOutputByID.input} />;
  return (
    <Dialog title={titleOf(node)} isOpen onClose={props.onClose}>
      {output.error ? (
        <ErrorNotice
          title="The step's input could not be loaded"
          error={output.error}
          onRetry={() => void output.refetch()}
        />
      ) : (
        <Skeleton lines={6} />
      )}
    </Dialog>
  );
}

function Form({ run, node, input, onClose }: RerunFromStepProps & { input: string | null }) {
  const navigate = useNavigate();
  const rerun = useRequest(RerunMutation);
  const [previous] = useState(() => setOutInput(input));
  const [text, setText] = useState(previous);
  const canEdit = previous !== '' || EDITABLE.has(node.span.stepOp ?? '');
  const read = readInput(text);
  const problem = 'error' in read ? read.error : null;
  const submit = async () => {
    if ('error' in read) return;
    const fromStep = {
      stepID: node.span.stepID ?? '',
      ...(canEdit && read.json !== null ? { input: read.json } : {}),
    };
    const { rerun: newId } = await rerun.mutateAsync({ runID: run.id, fromStep });
    toastDone(`Started again from ${node.name}`);
    onClose();
    await navigate({ to: '/runs/$runId', params: { runId: newId } });
  };
  const start = () => void submit().catch(() => undefined);
  return (
    <Dialog
      title={titleOf(node)}
      isOpen
      onClose={onClose}
      width={canEdit ? 'large' : 'small'}
      footer={
        <>
          <Button onClick={onClose}>Keep as it is</Button>
          <Button
            kind="primary"
            isBusy={rerun.isPending}
            disabled={problem !== null}
            onClick={start}
          >
            Rerun from here
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-4">
        <p className="text-ink-soft">
          A new run begins. Steps that ended before this one keep their results from this run; this
          step and all after it run again.
        </p>
        {canEdit && (
          <div className="grid gap-4 md:grid-cols-2">
            <Labelled title="Input in this run">
              {previous === '' ? (
                <p className="text-ink-soft">
                  The app did not report what this step was given. Leave the new input empty to let
                  the app give it the same.
                </p>
              ) : (
                <JsonEditor
                  label="Input in this run"
                  value={previous}
                  onChange={() => undefined}
                  isReadOnly
                  lines={EDITOR_LINES}
                />
              )}
            </Labelled>
            <Labelled title="New input">
              <JsonEditor
                label="New input"
                value={text}
                onChange={setText}
                onSubmit={start}
                lines={EDITOR_LINES}
              />
              <p className={problem ? 'text-bad-ink text-xs' : 'text-ink-faint text-xs'}>
                {problem ?? 'A JSON list of the arguments. Any other value is the only argument.'}
              </p>
            </Labelled>
          </div>
        )}
        {rerun.error && (
          <Notice severity="error" title="The run could not be started again">
            {rerun.error.message}
          </Notice>
        )}
      </div>
    </Dialog>
  );
}

function Labelled({ title, children }: { title: string; children: React.ReactNode }) {
  return (
    <section className="flex min-w-0 flex-col gap-1.5">
      <h3 className="font-medium">{title}</h3>
      {children}
    </section>
  );
}

function titleOf(node: TraceNode): string {
  return `Rerun from ${node.name}`;
}
