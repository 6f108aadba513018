import { describe, expect, it, vi } from 'vitest';
import { inChunks, type RunOutcome, summaryOf } from './bulk';

const ids = (count: number) => Array.from({ length: count }, (_, number) => `run-${number}`);
const good = (runID: string): RunOutcome => ({ runID, ok: true, code: null, message: null });
const bad = (runID: string, code: string): RunOutcome => ({
  runID,
  ok: false,
  code,
  message: code,
});
const never = new AbortController().signal;

describe('doing something to many runs', () => {
  it('is done in requests of 100, one after the other', async () => {
    const sizes: number[] = [];
    const progress: number[] = [];
    const send = async (chunk: string[]) => {
      sizes.push(chunk.length);
      return chunk.map(good);
    };
    const outcomes = await inChunks(ids(250), send, ({ done }) => progress.push(done), never);
    expect(sizes).toEqual([100, 100, 50]);
    expect(progress).toEqual([100, 200, 250]);
    expect(outcomes.map(({ runID }) => runID)).toEqual(ids(250));
  });

  it('sends nothing for nothing', async () => {
    const send = vi.fn();
    expect(await inChunks([], send, () => {}, never)).toEqual([]);
    expect(send).not.toHaveBeenCalled();
  });

  it('stops where somebody says so', async () => {
    const stop = new AbortController();
    const send = async (chunk: string[]) => chunk.map(good);
    const outcomes = await inChunks(ids(300), send, () => stop.abort(), stop.signal);
    expect(outcomes).toHaveLength(100);
    expect(summaryOf(outcomes, 300)).toMatchObject({ ok: 100, left: 200 });
  });

  it('stops where a request fails as a whole, and says so of its runs', async () => {
    const send = async (chunk: string[]) => {
      if (chunk.includes('run-100')) throw new Error('The server does not answer.');
      return chunk.map(good);
    };
    const outcomes = await inChunks(ids(300), send, () => {}, never);
    const { ok, failed, left } = summaryOf(outcomes, 300);
    expect([ok, failed.length, left]).toEqual([100, 100, 100]);
    expect(failed[0]).toEqual({
      runID: 'run-100',
      ok: false,
      code: 'unavailable',
      message: 'The server does not answer.',
    });
  });
});

describe('what became of the runs', () => {
  it('tells runs that had ended from those that failed', () => {
    const outcomes = [good('a'), bad('b', 'ended'), bad('c', 'refused')];
    expect(summaryOf(outcomes, 3)).toEqual({ ok: 1, ended: 1, failed: [outcomes[2]], left: 0 });
  });
});
