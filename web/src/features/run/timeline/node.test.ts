import { describe, expect, it } from 'vitest';
import { BEGIN_MS, runOf, stepOf, userSpanOf } from '../testing/spans';
import { arrange } from './arrange';
import { boundsOf, findNode, upTo } from './node';

describe('findNode', () => {
  const root = arrange(
    runOf([
      stepOf('a', { spanID: 'first', ended: 1, status: 'FAILED' }),
      stepOf('a', { spanID: 'second', attempts: 1, queued: 1, ended: 2 }),
    ]),
  );

  it('finds the run, a step and an attempt', () => {
    expect(findNode(root, 'run')?.kind).toBe('run');
    expect(findNode(root, 'id of a')?.kind).toBe('step');
    expect(findNode(root, 'first')?.name).toBe('Attempt 1');
    expect(findNode(root, 'second')?.name).toBe('Attempt 2');
  });

  it('finds a step by the span of its only attempt', () => {
    const single = arrange(runOf([stepOf('b', { spanID: 'only' })]));
    expect(findNode(single, 'only')?.name).toBe('b');
  });

  it('does not find what is not there', () => {
    expect(findNode(root, 'nowhere')).toBeUndefined();
  });
});

describe('boundsOf', () => {
  it('holds everything, also what began before the run or ended after it', () => {
    const early = userSpanOf('early', { started: -5, duration: 1 });
    const late = userSpanOf('late', { started: 90, duration: 30 });
    const root = arrange(
      runOf([stepOf('a', { ended: 50, childrenSpans: [early, late] })], { ended: 100 }),
    );
    expect(boundsOf(root)).toEqual({ fromMs: BEGIN_MS - 5, toMs: BEGIN_MS + 120 });
  });

  it('ends now while the run goes on', () => {
    const root = arrange(runOf([], { ended: null, status: 'RUNNING' }));
    expect(upTo(boundsOf(root), BEGIN_MS + 77).toMs).toBe(BEGIN_MS + 77);
    expect(upTo(boundsOf(root), BEGIN_MS - 77).toMs).toBe(BEGIN_MS + 1);
  });

  it('is never empty', () => {
    const root = arrange(runOf([], { ended: 0 }));
    expect(boundsOf(root)).toEqual({ fromMs: BEGIN_MS, toMs: BEGIN_MS + 1 });
  });
});
