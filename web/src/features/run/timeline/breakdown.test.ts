import { describe, expect, it } from 'vitest';
import { BEGIN_MS, runOf, stepOf, userSpanOf } from '../testing/spans';
import { arrange } from './arrange';
import { breakdownOf, delaysOf, httpPhasesOf } from './breakdown';
import type { TraceNode } from './node';

function nodeOf(...spans: Parameters<typeof runOf>[0]): TraceNode {
  const [node] = arrange(runOf(spans, { ended: null, status: 'RUNNING' })).children;
  if (!node) throw new Error('there is no row');
  return node;
}
const parts = (node: TraceNode, before: number | null, nowMs = BEGIN_MS) =>
  breakdownOf(node, before, nowMs).map(({ name, ms }) => [name, ms]);

describe('breakdownOf', () => {
  it('tells finding, pause, queue and work apart', () => {
    const node = nodeOf(stepOf('a', { queued: 10, scheduled: 30, started: 35, ended: 100 }));
    expect(parts(node, BEGIN_MS + 4)).toEqual([
      ['Discovery', 6],
      ['Pause', 20],
      ['Queue', 5],
      ['Your app', 65],
    ]);
  });

  it('leaves out what took no time, and what is not known', () => {
    expect(parts(nodeOf(stepOf('a', { queued: 0, ended: 5 })), null)).toEqual([['Your app', 5]]);
  });

  it('adds the attempts up', () => {
    const node = nodeOf(
      stepOf('a', { queued: 0, ended: 10, status: 'FAILED' }),
      stepOf('a', { attempts: 1, queued: 10, scheduled: 50, started: 51, ended: 61 }),
    );
    expect(parts(node, null)).toEqual([
      ['Pause', 40],
      ['Queue', 1],
      ['Your app', 20],
    ]);
  });

  it('calls what nothing is done in waiting, which goes on until now', () => {
    const node = nodeOf(stepOf('nap', { stepOp: 'SLEEP', queued: 0, status: 'WAITING' }));
    expect(parts(node, null, BEGIN_MS + 700)).toEqual([['Waiting', 700]]);
  });

  it('tells what the server took, where that is known', () => {
    const values = { system_latency_ms: 3 };
    const metadata = [{ scope: 'request', kind: 'inngest.timing', values, updatedAt: '' }];
    expect(parts(nodeOf(stepOf('a', { ended: 5, metadata })), null)).toEqual([
      ['Server', 3],
      ['Your app', 5],
    ]);
  });

  it('tells the time of a model from that of the app', () => {
    const node = nodeOf(stepOf('ask', { stepOp: 'AI_GATEWAY', queued: 0, ended: 400 }));
    expect(parts(node, null)).toEqual([['Model', 400]]);
  });

  it('has nothing to tell of spans of the app', () => {
    const step = nodeOf(stepOf('a', { childrenSpans: [userSpanOf('query', { duration: 4 })] }));
    const [span] = step.children;
    expect(span && breakdownOf(span, 0, BEGIN_MS)).toEqual([]);
  });
});

describe('delaysOf', () => {
  it('grows while a step is queued', () => {
    const node = nodeOf(stepOf('a', { queued: 0, scheduled: 20, started: null, status: 'QUEUED' }));
    expect(delaysOf(node, BEGIN_MS + 50)).toEqual({ pauseMs: 20, queueMs: 30 });
  });
});

describe('httpPhasesOf', () => {
  it('tells the phases of the call that were measured', () => {
    const values = {
      dns_lookup_ms: 0,
      tcp_connection_ms: 4,
      server_processing_ms: 60,
      total_ms: 64,
    };
    const metadata = [{ scope: 'request', kind: 'inngest.http.timing', values, updatedAt: '' }];
    const node = nodeOf(stepOf('a', { ended: 70, metadata }));
    expect(httpPhasesOf(node).map(({ name, ms }) => [name, ms])).toEqual([
      ['TCP', 4],
      ['App', 60],
    ]);
  });
});
