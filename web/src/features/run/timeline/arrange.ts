/**
 * From the tree that the server sends to the rows of the timeline.
 *
 * Below its root, the server's tree has one node for each attempt at each step, one for each answer
 * about the function itself (`executor.nonstep`), one that sums up how the function ended
 * (`Finalization`), and one while the function is called (`Execution`). Readers see one row for each
 * step, with its attempts below it, and one for what the function came to.
 */
import { isEnded, lookOf } from '~/lib/status';
import type { Span } from '../queries';
import type { NodeKind, Segment, TraceNode } from './node';

/** The id of the root's row. */
export const RUN_ID = 'run';

const KINDS: Record<string, NodeKind> = {
  RUN: 'step',
  SLEEP: 'sleep',
  WAIT_FOR_EVENT: 'event',
  WAIT_FOR_SIGNAL: 'signal',
  INVOKE: 'invoke',
  AI_GATEWAY: 'model',
};
const WAITING_KINDS = new Set<NodeKind>(['sleep', 'event', 'signal', 'invoke']);
const FINALIZATION = 'FINALIZATION';

/** What holds for all rows of a run. */
interface Surroundings {
  /** When the run ended: nothing goes on after that. Null while it goes on. */
  runEndedMs: number | null;
}

/** The rows of a run, the root's first. */
export function arrange(root: Span): TraceNode {
  const around: Surroundings = { runEndedMs: ms(root.endedAt) };
  const parts = sorted(root.childrenSpans ?? []);
  const node = nodeOf(root, 'run', RUN_ID, 'Run', { runEndedMs: null });
  const functionRows: TraceNode[] = [];
  for (const [groupId, answers] of parts.answers) {
    if (adopterOf(groupId, answers, parts.steps) !== undefined) continue;
    functionRows.push(functionNode(groupId, answers, parts, around));
  }
  for (const call of parts.calls) {
    if (parts.answers.has(groupOf(call))) continue;
    functionRows.push(nodeOf(call, 'function', groupOf(call), 'Function call', around));
  }
  const stepRows = [...parts.steps.values()].map((attempts) =>
    stepNode(withAdopted(attempts, parts), around),
  );
  const userRows = parts.others.map((span) => userNode(span, around));
  node.children = inOrder([...stepRows, ...functionRows, ...userRows]);
  return node;
}

/** The root's children by what they are. */
interface Parts {
  /** Attempts by step, in the order in which steps were first seen. */
  steps: Map<string, Span[]>;
  /** Answers about the function, by the job they are attempts at. */
  answers: Map<string, Span[]>;
  finalization: Span | undefined;
  calls: Span[];
  others: Span[];
}

function sorted(children: readonly Span[]): Parts {
  const parts: Parts = {
    steps: new Map(),
    answers: new Map(),
    finalization: undefined,
    calls: [],
    others: [],
  };
  for (const span of children) {
    if (span.isUserland) parts.others.push(span);
    else if (span.stepID !== null) addTo(parts.steps, span.stepID, span);
    else if (span.stepType === FINALIZATION) parts.finalization ??= span;
    else if (span.outputID !== null) addTo(parts.answers, groupOf(span), span);
    else parts.calls.push(span);
  }
  const { finalization } = parts;
  if (finalization && !parts.answers.has(groupOf(finalization))) {
    parts.answers.set(groupOf(finalization), [finalization]);
  }
  return parts;
}

function addTo(map: Map<string, Span[]>, key: string, span: Span): void {
  const held = map.get(key);
  if (!held) map.set(key, [span]);
  else {
    const same = held.findIndex((other) => attemptOf(other) === attemptOf(span));
    if (same < 0) held.push(span);
    else held[same] = span;
    held.sort((a, b) => attemptOf(a) - attemptOf(b));
  }
}

/**
 * The step that a job came to after the function had failed in it before: those failures are the
 * first attempts at the step. None if the job came to something else, or to several steps.
 */
function adopterOf(
  groupId: string,
  answers: readonly Span[],
  steps: Map<string, Span[]>,
): string | undefined {
  const last = Math.max(...answers.map(attemptOf));
  const found = [...steps].filter(
    ([, [first]]) => first && groupOf(first) === groupId && attemptOf(first) > last,
  );
  return found.length === 1 ? found[0]?.[0] : undefined;
}

function withAdopted(attempts: readonly Span[], parts: Parts): Span[] {
  const [first] = attempts;
  const answers = first && parts.answers.get(groupOf(first));
  if (!first || !answers) return [...attempts];
  const adopter = adopterOf(groupOf(first), answers, parts.steps);
  return adopter === first.stepID ? [...answers, ...attempts] : [...attempts];
}

function stepNode(attempts: readonly Span[], around: Surroundings): TraceNode {
  const last = attempts[attempts.length - 1] as Span;
  const kind = KINDS[last.stepOp ?? ''] ?? 'step';
  const id = last.stepID ?? last.spanID;
  const name = nameOf(last);
  if (attempts.length === 1) return nodeOf(last, kind, id, name, around);
  const children = attempts.map((span, index) =>
    nodeOf(span, 'attempt', span.spanID, `Attempt ${index + 1}`, around),
  );
  return grouped(nodeOf(last, kind, id, name, around), children);
}

/** What the function came to: its answers with what was traced while it was called. */
function functionNode(
  groupId: string,
  answers: readonly Span[],
  parts: Parts,
  around: Surroundings,
): TraceNode {
  const { finalization } = parts;
  const summary = finalization && groupOf(finalization) === groupId ? finalization : undefined;
  const called = parts.calls.filter((call) => groupOf(call) === groupId);
  const attempts = [
    ...answers.map((answer) => ({ ...answer, childrenSpans: spansDuring(answer, summary) })),
    ...called,
  ];
  const last = attempts[attempts.length - 1] as Span;
  const name = functionName(last.status);
  const node = nodeOf(last, 'function', groupId, name, around);
  if (attempts.length === 1) return node;
  const children = attempts.map((span, index) =>
    nodeOf(span, 'attempt', span.spanID, `Attempt ${index + 1}`, around),
  );
  return grouped(node, children);
}

function functionName(status: string): string {
  if (!isEnded(status)) return 'Function call';
  return lookOf(status).tone === 'bad' ? 'Function error' : 'Function result';
}

/** Spans of the app that belong to an answer: the server lists them below the summary. */
function spansDuring(answer: Span, summary: Span | undefined): Span[] {
  const below = summary?.childrenSpans ?? [];
  const own = below.find((span) => !span.isUserland && attemptOf(span) === attemptOf(answer));
  return own?.childrenSpans ?? below.filter((span) => span.isUserland);
}

/** A step with its attempts below it: it lasts from the first to the last. */
function grouped(node: TraceNode, attempts: TraceNode[]): TraceNode {
  const first = attempts[0] ?? node;
  const started = attempts.find((attempt) => attempt.startedMs !== null);
  return {
    ...node,
    queuedMs: first.queuedMs,
    startedMs: started?.startedMs ?? null,
    attemptCount: attempts.length,
    segments: attempts.flatMap((attempt) => attempt.segments),
    children: attempts,
  };
}

function userNode(span: Span, around: Surroundings): TraceNode {
  return nodeOf(span, 'user', span.spanID, nameOf(span), around);
}

function nodeOf(
  span: Span,
  kind: NodeKind,
  id: string,
  name: string,
  { runEndedMs }: Surroundings,
): TraceNode {
  const startedMs = ms(span.startedAt);
  const spanEndedMs = endOf(span);
  const isLeftOpen = spanEndedMs === null && runEndedMs !== null;
  // What the app traces may begin before the server knows, and end after the run has.
  const queuedMs = span.isUserland ? (startedMs ?? parsed(span.queuedAt)) : parsed(span.queuedAt);
  const endedMs = isLeftOpen ? Math.max(runEndedMs, startedMs ?? queuedMs) : spanEndedMs;
  const status = statusOf(span, isLeftOpen);
  const children = kind === 'run' ? [] : (span.childrenSpans ?? []);
  const node: TraceNode = {
    id,
    name,
    kind,
    status,
    queuedMs,
    startedMs,
    endedMs,
    attemptCount: 1,
    isLeftOpen,
    segments: [],
    span,
    children: inOrder(children.map((child) => userNode(child, { runEndedMs }))),
  };
  const waits = WAITING_KINDS.has(KINDS[span.stepOp ?? ''] ?? 'step');
  node.segments = segmentsOf(node, waits);
  return node;
}

/** The status as it is shown: spans of apps need not say that they went well. */
function statusOf(span: Span, isLeftOpen: boolean): string {
  if (isLeftOpen) return 'CANCELLED';
  const isSilent = span.isUserland && endOf(span) !== null && !isEnded(span.status);
  return isSilent ? 'COMPLETED' : span.status;
}

/** When it ended. The server leaves that out of what the app traced and did not call a success. */
function endOf(span: Span): number | null {
  const endedMs = ms(span.endedAt);
  if (endedMs !== null || !span.isUserland || span.duration === null) return endedMs;
  return parsed(span.startedAt ?? span.queuedAt) + span.duration;
}

function segmentsOf(node: TraceNode, waits: boolean): Segment[] {
  const { tone } = lookOf(node.status);
  const { queuedMs, startedMs, endedMs, span } = node;
  const readyMs = Math.max(queuedMs, ms(span.scheduledAt) ?? queuedMs);
  const all: Segment[] = [
    {
      kind: 'pause',
      fromMs: queuedMs,
      toMs: Math.min(readyMs, startedMs ?? endedMs ?? readyMs),
      tone,
    },
    { kind: 'queue', fromMs: readyMs, toMs: startedMs ?? endedMs, tone },
  ];
  if (startedMs !== null) {
    all.push({ kind: waits ? 'wait' : 'work', fromMs: startedMs, toMs: endedMs, tone });
  }
  // What took no time is not drawn, but for the work itself.
  return all.filter(
    ({ kind, fromMs, toMs }) =>
      kind === 'work' || kind === 'wait' || toMs === null || toMs > fromMs,
  );
}

/** The name without what only says which SDK call it was. */
function nameOf(span: Span): string {
  return span.name.replace(/^(step\.|inngest\/)/, '') || 'Unnamed';
}

/** By when they were queued; what was queued together stays in the server's order. */
function inOrder(nodes: TraceNode[]): TraceNode[] {
  return nodes.sort((a, b) => a.queuedMs - b.queuedMs);
}

const groupOf = (span: Span): string => span.groupID ?? '';
const attemptOf = (span: Span): number => span.attempts ?? 0;
const parsed = (at: string): number => Date.parse(at);
const ms = (at: string | null): number | null => (at === null ? null : Date.parse(at));
