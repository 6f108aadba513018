import { formatRelative } from '~/lib/time';
import { formatDeadline } from './clock';
import type { StepInfo } from './queries';
import type { TraceNode } from './timeline/node';

/** What a step waits for, and until when at the latest. */
export interface Wait {
  words: string;
  /** The name of an event, a signal or a function. */
  name: string | null;
  until: string;
}

/** What the step waits or waited for; null if it is not that kind of step. */
export function waitOf(info: StepInfo | null | undefined): Wait | null {
  switch (info?.__typename) {
    case 'SleepStepInfo':
      return { words: 'Sleeping', name: null, until: info.sleepUntil };
    case 'WaitForEventStepInfo':
      return { words: 'Waiting for', name: info.eventName, until: info.waitTimeout };
    case 'WaitForSignalStepInfo':
      return { words: 'Waiting for the signal', name: info.signal, until: info.signalTimeout };
    case 'InvokeStepInfo':
      return {
        words: 'Waiting for',
        name: info.functionID,
        until: info.invokeTimeout,
      };
    default:
      return null;
  }
}

/** What is said beside a bar that goes on: until when it waits, or when it is tried again. */
export function remarkOf(node: TraceNode, nowMs: number): string | null {
  if (node.endedMs !== null || node.kind === 'run') return null;
  const { startedAt, scheduledAt, stepInfo } = node.span;
  if (startedAt === null) {
    const isLater = scheduledAt !== null && Date.parse(scheduledAt) > nowMs;
    if (!isLater) return null;
    return `${node.attemptCount > 1 ? 'Next attempt' : 'Starts'} ${formatRelative(scheduledAt, nowMs)}`;
  }
  const wait = waitOf(stepInfo);
  if (!wait) return null;
  const words = wait.name === null ? wait.words : `${wait.words} ${wait.name}`;
  return `${words} until ${formatDeadline(wait.until, nowMs)} (${formatRelative(wait.until, nowMs)})`;
}
