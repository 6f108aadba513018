/** What became of an event at each function, as it is shown. */
import { isEnded, lookOf, type Tone } from '~/lib/status';

/** One of `eventOutcomes`. */
export interface Outcome {
  functionID: string;
  slug: string | null;
  outcome: string;
  message: string;
  runID: string | null;
  batchID: string | null;
  existingRunID: string | null;
  reason: string | null;
  detail: string | null;
  at: string | null;
  dueAt: string | null;
  notes: string[];
}

/** A run that has the event among its triggers. */
export interface OutcomeRun {
  id: string;
  status: string;
  queuedAt: string;
  startedAt: string | null;
  endedAt: string | null;
  originRunID: string | null;
  function: { name: string; slug: string };
}

/** A line of the list: the outcome with its run, if it has one, or a run that repeats another. */
export interface OutcomeLine {
  key: string;
  functionName: string;
  /** Null for a function that is not known any more. */
  slug: string | null;
  /** The status of the run, or what the outcome is called. */
  title: string;
  tone: Tone;
  isRunning: boolean;
  run: OutcomeRun | null;
  /** What the server says of it; null where the status of the run says it all. */
  message: string | null;
  /** Runs that the message names, other than the line's own. */
  namedRunIds: readonly string[];
  /** The event that took its place, which the message names. */
  newerEventId: string | null;
  dueAt: string | null;
  notes: string[];
}

const LOOKS: Record<string, { title: string; tone: Tone }> = {
  run: { title: 'Run', tone: 'busy' },
  batched: { title: 'In a batch', tone: 'queued' },
  skipped: { title: 'Skipped', tone: 'calm' },
  pending: { title: 'Pending', tone: 'waiting' },
  duplicate: { title: 'Duplicate', tone: 'calm' },
  rate_limited: { title: 'Rate limited', tone: 'waiting' },
  debounced: { title: 'Debounced', tone: 'calm' },
  expression_failed: { title: 'Condition failed', tone: 'bad' },
  function_gone: { title: 'Function removed', tone: 'calm' },
  defect: { title: 'Defect', tone: 'bad' },
};
const PENDING: Record<string, string> = {
  batch: 'Collected in a batch',
  debounce: 'Held back by debounce',
  admission: 'About to be decided',
};

/**
 * The lines, in the order of the outcomes; runs that repeat one come after it.
 *
 * @param nameOf The name of a function, where it is known.
 */
export function outcomeLines(
  outcomes: readonly Outcome[],
  runs: readonly OutcomeRun[],
  nameOf: (functionId: string) => string | undefined,
): OutcomeLine[] {
  const byId = new Map(runs.map((run) => [run.id, run]));
  const shown = new Set(outcomes.flatMap(({ runID }) => runID ?? []));
  const lines = outcomes.flatMap((outcome) => {
    const run = outcome.runID ? (byId.get(outcome.runID) ?? null) : null;
    const reruns = runs.filter(
      ({ id, originRunID }) => originRunID !== null && originRunID === run?.id && !shown.has(id),
    );
    for (const { id } of reruns) shown.add(id);
    return [lineOf(outcome, run, nameOf(outcome.functionID)), ...reruns.map(lineOfRun)];
  });
  return [...lines, ...runs.filter(({ id }) => !shown.has(id)).map(lineOfRun)];
}

function lineOf(outcome: Outcome, run: OutcomeRun | null, name: string | undefined): OutcomeLine {
  const isOwnRun = run !== null && (outcome.outcome === 'run' || outcome.outcome === 'batched');
  const look = isOwnRun ? lookOf(run.status) : lookOfOutcome(outcome);
  return {
    key: [outcome.functionID, outcome.outcome, outcome.runID ?? outcome.detail].join(' '),
    functionName: run?.function.name || name || outcome.slug || 'A function that was removed',
    slug: outcome.slug,
    ...look,
    isRunning: isOwnRun && run.status === 'RUNNING',
    run,
    message: outcome.outcome === 'run' && run !== null ? null : outcome.message,
    namedRunIds: outcome.existingRunID ? [outcome.existingRunID] : [],
    newerEventId: outcome.outcome === 'debounced' ? outcome.detail : null,
    dueAt: outcome.dueAt,
    notes: outcome.notes,
  };
}

function lineOfRun(run: OutcomeRun): OutcomeLine {
  return {
    key: run.id,
    functionName: run.function.name || run.function.slug,
    slug: run.function.slug,
    ...lookOf(run.status),
    isRunning: run.status === 'RUNNING',
    run,
    message: run.originRunID ? `Runs ${run.originRunID} again` : null,
    namedRunIds: run.originRunID ? [run.originRunID] : [],
    newerEventId: null,
    dueAt: null,
    notes: [],
  };
}

function lookOfOutcome({ outcome, reason }: Outcome): { title: string; tone: Tone } {
  const look = LOOKS[outcome] ?? lookOf(outcome);
  const pending = outcome === 'pending' && reason ? PENDING[reason] : undefined;
  return pending ? { ...look, title: pending } : look;
}

/** Whether nothing more will become of the event, as far as can be known. */
export function isSettled(outcomes: readonly Outcome[], runs: readonly OutcomeRun[]): boolean {
  return (
    outcomes.every(({ outcome }) => outcome !== 'pending') &&
    runs.every(({ status }) => isEnded(status))
  );
}

/**
 * How often to ask, in milliseconds, for what no change tells of: an event that is held back may be
 * dropped without one. Undefined when changes tell everything.
 */
export function pauseBetweenQuestions(outcomes: readonly Outcome[]): number | undefined {
  const pending = outcomes.filter(({ outcome }) => outcome === 'pending');
  if (pending.length === 0) return undefined;
  return pending.some(({ reason }) => reason === 'admission') ? 1_000 : 5_000;
}
