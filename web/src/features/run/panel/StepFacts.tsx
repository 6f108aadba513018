import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { formatDuration } from '~/lib/duration';
import { useNow } from '~/lib/time';
import { Fact } from '~/ui/Card';
import { StatusBadge } from '~/ui/Status';
import { RelativeTime, Time } from '~/ui/Time';
import type { StepInfo } from '../queries';
import type { TraceNode } from '../timeline/node';
import { PanelFacts } from './PanelFacts';

/** When the step did what, and what it was about. */
export function StepFacts({ node }: { node: TraceNode }) {
  const nowMs = useNow(node.endedMs === null ? 1000 : null);
  const { queuedMs, startedMs, endedMs, span } = node;
  const until = endedMs ?? nowMs;
  return (
    <PanelFacts>
      <Fact name="Status">
        <StatusBadge status={node.status} />
      </Fact>
      <Fact name="Duration">
        <span className="tabular-nums">
          {startedMs === null ? '–' : formatDuration(until - startedMs)}
        </span>
      </Fact>
      {node.kind !== 'user' && (
        <>
          <Fact name="Delay">
            <span className="tabular-nums">{formatDuration((startedMs ?? until) - queuedMs)}</span>
          </Fact>
          <Fact name="Queued">
            <Time at={instant(queuedMs)} isShort />
          </Fact>
        </>
      )}
      <Fact name="Started">
        <Time at={instant(startedMs)} isShort />
      </Fact>
      <Fact name="Ended">
        <Time at={instant(endedMs)} isShort />
      </Fact>
      <Fact name="Kind">{kindWords(node)}</Fact>
      {span.stepInfo && <InfoFacts info={span.stepInfo} />}
    </PanelFacts>
  );
}

function InfoFacts({ info }: { info: StepInfo }): ReactNode {
  switch (info.__typename) {
    case 'SleepStepInfo':
      return (
        <Fact name="Sleeps until">
          <Until at={info.sleepUntil} />
        </Fact>
      );
    case 'WaitForEventStepInfo':
      return (
        <>
          <Fact name="Event">
            <code className="font-mono text-[0.8125rem]">{info.eventName}</code>
          </Fact>
          <Fact name="At the latest">
            <Until at={info.waitTimeout} />
          </Fact>
          <Outcome timedOut={info.waitTimedOut} done="The event came" />
          {info.foundEventID && (
            <Fact name="Event that matched">
              <EventLink id={info.foundEventID} />
            </Fact>
          )}
          {info.expression && (
            <div className="col-span-full">
              <Fact name="Condition">
                <code className="break-words font-mono text-[0.8125rem]">{info.expression}</code>
              </Fact>
            </div>
          )}
        </>
      );
    case 'WaitForSignalStepInfo':
      return (
        <>
          <Fact name="Signal">
            <code className="break-words font-mono text-[0.8125rem]">{info.signal}</code>
          </Fact>
          <Fact name="At the latest">
            <Until at={info.signalTimeout} />
          </Fact>
          <Outcome timedOut={info.signalTimedOut} done="The signal came" />
        </>
      );
    case 'InvokeStepInfo':
      return (
        <>
          <Fact name="Function">
            <Link
              to="/functions/$slug"
              params={{ slug: info.functionID }}
              className="block truncate text-accent hover:underline"
              title={info.functionID}
            >
              {info.functionID}
            </Link>
          </Fact>
          <Fact name="Invoked run">
            {info.runID ? (
              <Link
                to="/runs/$runId"
                params={{ runId: info.runID }}
                className="block truncate font-mono text-[0.8125rem] text-accent hover:underline"
                title={info.runID}
              >
                {info.runID}
              </Link>
            ) : (
              'not started yet'
            )}
          </Fact>
          <Fact name="At the latest">
            <Until at={info.invokeTimeout} />
          </Fact>
          <Outcome timedOut={info.invokeTimedOut} done="It returned" />
          <Fact name="Event that invoked it">
            <EventLink id={info.triggeringEventID} />
          </Fact>
          {info.returnEventID && (
            <Fact name="Event that told of its end">
              <EventLink id={info.returnEventID} />
            </Fact>
          )}
        </>
      );
    default:
      return null;
  }
}

function Until({ at }: { at: string }) {
  return (
    <>
      <Time at={at} isShort />{' '}
      <span className="text-ink-soft">
        (<RelativeTime at={at} />)
      </span>
    </>
  );
}

function Outcome({ timedOut, done }: { timedOut: boolean | null; done: string }) {
  if (timedOut === null) return null;
  return <Fact name="Outcome">{timedOut ? 'Timed out' : done}</Fact>;
}

function EventLink({ id }: { id: string }) {
  return (
    <Link
      to="/events/$eventId"
      params={{ eventId: id }}
      className="block truncate font-mono text-[0.8125rem] text-accent hover:underline"
      title={id}
    >
      {id}
    </Link>
  );
}

const KIND_WORDS: Record<TraceNode['kind'], string> = {
  run: 'Run',
  step: 'Step',
  sleep: 'Sleep',
  event: 'Wait for an event',
  signal: 'Wait for a signal',
  invoke: 'Invoked function',
  model: 'Call of a model',
  attempt: 'Attempt',
  function: 'The function itself',
  user: 'Span of the app',
};

/** What kind of step it is; SDKs have names of their own for some. */
function kindWords(node: TraceNode): ReactNode {
  const { stepType } = node.span;
  if (!stepType.includes('.')) return KIND_WORDS[node.kind];
  return <code className="font-mono text-[0.8125rem]">{stepType}</code>;
}

function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
