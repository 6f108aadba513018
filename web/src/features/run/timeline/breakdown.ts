import type { TraceNode } from './node';

/** Part of the time that a step took. */
export interface Part {
  name: string;
  ms: number;
  /** What it means, in a sentence. */
  about: string;
}

/** Where the time of one attempt went, parts that took none left out; `nowMs` ends what goes on. */
export function breakdownOf(node: TraceNode, before: number | null, nowMs: number): Part[] {
  if (node.kind === 'user' || node.kind === 'run') return [];
  const timing = valuesOf(node, 'inngest.timing');
  const { pauseMs, queueMs } = delaysOf(node, nowMs);
  const parts: Part[] = [
    {
      name: 'Discovery',
      ms: before === null ? 0 : Math.max(node.queuedMs - before, 0),
      about: 'From the end of the step before until the app had named this one.',
    },
    { name: 'Pause', ms: pauseMs, about: 'It was not to begin before that.' },
    { name: 'Queue', ms: queueMs, about: 'It could begin, but its turn had not come.' },
    {
      name: 'Server',
      ms: numberIn(timing, 'system_latency_ms'),
      about: 'What the server took to send it.',
    },
    { name: workName(node), ms: workMs(node, nowMs), about: workAbout(node) },
  ];
  return parts.filter((part) => part.ms > 0);
}

/** How long it had to wait before it began. */
export function delaysOf(node: TraceNode, nowMs: number): { pauseMs: number; queueMs: number } {
  let pauseMs = 0;
  let queueMs = 0;
  for (const { kind, fromMs, toMs } of node.segments) {
    const ms = Math.max((toMs ?? nowMs) - fromMs, 0);
    if (kind === 'pause') pauseMs += ms;
    if (kind === 'queue') queueMs += ms;
  }
  return { pauseMs, queueMs };
}

function workMs(node: TraceNode, nowMs: number): number {
  return node.segments
    .filter(({ kind }) => kind === 'work' || kind === 'wait')
    .reduce((sum, { fromMs, toMs }) => sum + Math.max((toMs ?? nowMs) - fromMs, 0), 0);
}

function workName(node: TraceNode): string {
  if (isWaiting(node)) return 'Waiting';
  return node.kind === 'model' ? 'Model' : 'Your app';
}

function workAbout(node: TraceNode): string {
  return isWaiting(node) ? 'Nothing was called meanwhile.' : 'From the call until its answer.';
}

function isWaiting(node: TraceNode): boolean {
  return node.segments.some(({ kind }) => kind === 'wait');
}

const HTTP_PHASES: [string, string][] = [
  ['dns_lookup_ms', 'DNS'],
  ['tcp_connection_ms', 'TCP'],
  ['tls_handshake_ms', 'TLS'],
  ['server_processing_ms', 'App'],
  ['content_transfer_ms', 'Transfer'],
];

/** Where the time of the call went, as far as that was measured. */
export function httpPhasesOf(node: TraceNode): Part[] {
  const values = valuesOf(node, 'inngest.http.timing');
  return HTTP_PHASES.map(([key, name]) => ({ name, ms: numberIn(values, key), about: '' })).filter(
    (part) => part.ms > 0,
  );
}

function valuesOf(node: TraceNode, kind: string): Record<string, unknown> {
  return node.span.metadata.find((entry) => entry.kind === kind)?.values ?? {};
}

function numberIn(values: Record<string, unknown>, key: string): number {
  const value = values[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
