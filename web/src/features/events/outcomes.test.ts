import { describe, expect, it } from 'vitest';
import {
  isSettled,
  outcomeLines as linesOf,
  type Outcome,
  type OutcomeRun,
  pauseBetweenQuestions,
} from './outcomes';

const outcome = (given: Partial<Outcome>): Outcome => ({
  functionID: 'f1',
  slug: 'shop-ship',
  outcome: 'run',
  message: 'Started run R1',
  runID: null,
  batchID: null,
  existingRunID: null,
  reason: null,
  detail: null,
  at: null,
  dueAt: null,
  notes: [],
  ...given,
});
const run = (id: string, given: Partial<OutcomeRun> = {}): OutcomeRun => ({
  id,
  status: 'COMPLETED',
  queuedAt: '2026-11-21T09:00:00Z',
  startedAt: null,
  endedAt: null,
  originRunID: null,
  function: { name: 'Ship', slug: 'shop-ship' },
  ...given,
});

describe('outcomeLines', () => {
  const outcomeLines = (outcomes: Outcome[], runs: OutcomeRun[]) =>
    linesOf(outcomes, runs, (id) => (id === 'named' ? 'A name' : undefined));

  it('says of a run how it is, and nothing else', () => {
    const [line] = outcomeLines([outcome({ runID: 'R1' })], [run('R1', { status: 'RUNNING' })]);
    expect(line).toMatchObject({
      functionName: 'Ship',
      title: 'Running',
      tone: 'busy',
      isRunning: true,
      message: null,
    });
  });

  it.each([
    [{ outcome: 'rate_limited', detail: 'c1' }, 'Rate limited'],
    [{ outcome: 'pending', reason: 'batch' }, 'Collected in a batch'],
    [{ outcome: 'pending', reason: 'debounce' }, 'Held back by debounce'],
    [{ outcome: 'pending', reason: 'admission' }, 'About to be decided'],
    [{ outcome: 'expression_failed' }, 'Condition failed'],
    [{ outcome: 'duplicate' }, 'Duplicate'],
    [{ outcome: 'something_new' }, 'Something new'],
  ])('calls %j "%s" and keeps the message', (given, title) => {
    const [line] = outcomeLines([outcome({ message: 'Why.', ...given })], []);
    expect(line).toMatchObject({ title, message: 'Why.', functionName: 'shop-ship' });
  });

  it('says why a run was skipped and because of which', () => {
    const skipped = outcome({ outcome: 'skipped', runID: 'R2', existingRunID: 'R1', message: 'M' });
    const [line] = outcomeLines([skipped], [run('R2', { status: 'SKIPPED' })]);
    expect(line).toMatchObject({ title: 'Skipped', message: 'M', namedRunIds: ['R1'] });
  });

  it('names the event that took its place', () => {
    const [line] = outcomeLines([outcome({ outcome: 'debounced', detail: 'E2' })], []);
    expect(line?.newerEventId).toBe('E2');
  });

  it('shows runs that repeat one after it, and others at the end', () => {
    const outcomes = [outcome({ runID: 'R1' }), outcome({ functionID: 'f2', runID: 'R2' })];
    const runs = [
      run('R4', { originRunID: 'gone' }),
      run('R3', { originRunID: 'R1' }),
      run('R2'),
      run('R1'),
    ];
    const lines = outcomeLines(outcomes, runs);
    expect(lines.map((line) => line.run?.id)).toEqual(['R1', 'R3', 'R2', 'R4']);
    expect(lines[1]?.message).toBe('Runs R1 again');
  });

  it('knows the name of a function without a run', () => {
    const [line] = outcomeLines([outcome({ functionID: 'named', outcome: 'duplicate' })], []);
    expect(line?.functionName).toBe('A name');
  });

  it('has a name for a function that is gone', () => {
    expect(outcomeLines([outcome({ slug: null, outcome: 'function_gone' })], [])[0]).toMatchObject({
      functionName: 'A function that was removed',
      slug: null,
    });
  });
});

describe('when to ask again', () => {
  it('is never, once everything is decided and has ended', () => {
    expect(isSettled([], [])).toBe(true);
    expect(isSettled([outcome({ runID: 'R1' })], [run('R1')])).toBe(true);
    expect(isSettled([outcome({ runID: 'R1' })], [run('R1', { status: 'QUEUED' })])).toBe(false);
    expect(isSettled([outcome({ outcome: 'pending' })], [])).toBe(false);
  });

  it('is soon while something is about to be decided', () => {
    expect(pauseBetweenQuestions([outcome({ runID: 'R1' })])).toBeUndefined();
    const held = outcome({ outcome: 'pending', reason: 'debounce' });
    expect(pauseBetweenQuestions([held])).toBe(5_000);
    expect(
      pauseBetweenQuestions([held, outcome({ outcome: 'pending', reason: 'admission' })]),
    ).toBe(1_000);
  });
});
