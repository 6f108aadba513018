import { describe, expect, it } from 'vitest';
import {
  isSentHistory,
  KEPT_CHARS_MAX,
  type SentEntry,
  withoutSent,
  withSent,
} from './sent-history';

const entry = (at: number, text = `{"name":"e${at}"}`): SentEntry => ({
  at,
  text,
  name: `e${at}`,
  count: 1,
});

describe('the history of what was sent', () => {
  it('has the newest first and no more than 20', () => {
    let history: SentEntry[] = [];
    for (let at = 1; at <= 25; at += 1) history = withSent(history, entry(at));
    expect(history.map(({ at }) => at)).toEqual(
      Array.from({ length: 20 }, (_, index) => 25 - index),
    );
    expect(isSentHistory(history)).toBe(true);
  });

  it('has the same text once', () => {
    const history = withSent([entry(2, 'b'), entry(1, 'a')], entry(3, 'a'));
    expect(history.map(({ at, text }) => [at, text])).toEqual([
      [3, 'a'],
      [2, 'b'],
    ]);
  });

  it('tells entries of the same moment apart', () => {
    expect(withSent([entry(5, 'a')], entry(5, 'b')).map(({ at }) => at)).toEqual([6, 5]);
  });

  it('does not keep large texts', () => {
    const history = [entry(1)];
    expect(withSent(history, entry(2, 'x'.repeat(KEPT_CHARS_MAX + 1)))).toEqual(history);
    expect(withSent(history, entry(2, 'x'.repeat(KEPT_CHARS_MAX)))).toHaveLength(2);
  });

  it('forgets an entry', () => {
    expect(withoutSent([entry(2), entry(1)], 2)).toEqual([entry(1)]);
  });

  it('is not believed blindly when it is read', () => {
    expect(isSentHistory([{ at: '1', text: '', name: '', count: 1 }])).toBe(false);
    expect(isSentHistory({})).toBe(false);
    expect(isSentHistory([null])).toBe(false);
  });
});
