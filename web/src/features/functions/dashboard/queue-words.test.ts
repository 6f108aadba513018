import { describe, expect, it } from 'vitest';
import { timersInWords } from './queue-words';

describe('timersInWords', () => {
  it('counts what is due later', () => {
    const timers = [
      { kind: 'sleep', items: 1 },
      { kind: 'timeout', items: 1_200 },
    ];
    expect(timersInWords(timers)).toBe('1 step sleeps, 1,200 steps wait');
  });
  it('leaves out what the queue itself tells', () => {
    expect(
      timersInWords([
        { kind: 'discover', items: 3 },
        { kind: 'sleep', items: 0 },
      ]),
    ).toBe('');
  });
});
