import type { Tone } from '~/lib/status';
import type { Span } from '../queries';

/** What a row of the timeline stands for. */
export type NodeKind =
  | 'run'
  | 'step'
  | 'sleep'
  | 'event'
  | 'signal'
  | 'invoke'
  | 'model'
  /** One of several attempts at a step, or at the function. */
  | 'attempt'
  /** A call of the function that is under way, or what the function came to. */
  | 'function'
  /** A span of the app's own tracing. */
  | 'user';

/** Part of a bar. */
export interface Segment {
  /**
   * `pause`: not to begin yet, because it is to be repeated later or was sent for later.
   * `queue`: could begin, but has not. `work`: the app is at it. `wait`: nothing is done.
   */
  kind: 'pause' | 'queue' | 'work' | 'wait';
  fromMs: number;
  /** Null while it goes on. */
  toMs: number | null;
  tone: Tone;
}

/** One row, with the rows that open below it. Times are milliseconds since 1970. */
export interface TraceNode {
  /** The same for as long as the run is shown, however often its steps are repeated. */
  id: string;
  name: string;
  kind: NodeKind;
  status: string;
  queuedMs: number;
  startedMs: number | null;
  endedMs: number | null;
  /** How many attempts there were, the one under way included. */
  attemptCount: number;
  /** Whether the run ended before it did. */
  isLeftOpen: boolean;
  segments: Segment[];
  /** The span whose input, output and metadata are shown: of several attempts, the last. */
  span: Span;
  children: TraceNode[];
}

/** The node with an id; a span's own id finds the attempt. Undefined if there is none. */
export function findNode(root: TraceNode, id: string): TraceNode | undefined {
  if (root.id === id) return root;
  for (const child of root.children) {
    const found = findNode(child, id);
    if (found) return found;
  }
  return root.span.spanID === id ? root : undefined;
}

/** Every node, parents before their children. */
export function* everyNode(root: TraceNode): Generator<TraceNode> {
  yield root;
  for (const child of root.children) yield* everyNode(child);
}

/** From the first thing queued to the last thing known to have happened. */
export function boundsOf(root: TraceNode): Bounds {
  let { fromMs, toMs } = { fromMs: root.queuedMs, toMs: root.queuedMs };
  const look = (node: TraceNode) => {
    fromMs = Math.min(fromMs, node.queuedMs);
    toMs = Math.max(toMs, node.endedMs ?? node.startedMs ?? node.queuedMs);
    node.children.forEach(look);
  };
  look(root);
  // A run that took no measurable time still has a width.
  return { fromMs, toMs: Math.max(toMs, fromMs + 1) };
}

/** The bounds of what goes on until now. */
export function upTo(bounds: Bounds, nowMs: number): Bounds {
  return nowMs > bounds.toMs ? { fromMs: bounds.fromMs, toMs: nowMs } : bounds;
}

/** A stretch of time, never empty. */
export interface Bounds {
  fromMs: number;
  toMs: number;
}
