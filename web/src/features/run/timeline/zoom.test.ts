import { describe, expect, it } from 'vitest';
import { around, between, clampWindow, movedBy, orWhole, withLeft, withRight } from './zoom';

const whole = { fromMs: 1_000, toMs: 2_000 };

describe('clampWindow', () => {
  it('keeps what lies within', () => {
    expect(clampWindow({ fromMs: 1_200, toMs: 1_300 }, whole)).toEqual({
      fromMs: 1_200,
      toMs: 1_300,
    });
  });

  it('is never shorter than what is asked for, nor longer than the whole', () => {
    expect(clampWindow({ fromMs: 1_500, toMs: 1_501 }, whole, 20)).toEqual({
      fromMs: 1_500,
      toMs: 1_520,
    });
    expect(clampWindow({ fromMs: 0, toMs: 9_000 }, whole)).toEqual(whole);
  });

  it('is moved into the whole', () => {
    expect(clampWindow({ fromMs: 1_950, toMs: 2_050 }, whole)).toEqual({
      fromMs: 1_900,
      toMs: 2_000,
    });
  });
});

describe('edges', () => {
  const window = { fromMs: 1_400, toMs: 1_600 };

  it('move alone', () => {
    expect(withLeft(window, 1_100, whole)).toEqual({ fromMs: 1_100, toMs: 1_600 });
    expect(withRight(window, 1_900, whole)).toEqual({ fromMs: 1_400, toMs: 1_900 });
  });

  it('stop at the ends of the whole', () => {
    expect(withLeft(window, 0, whole).fromMs).toBe(1_000);
    expect(withRight(window, 9_000, whole).toMs).toBe(2_000);
  });

  it('stop before each other', () => {
    expect(withLeft(window, 1_900, whole)).toEqual({ fromMs: 1_580, toMs: 1_600 });
    expect(withRight(window, 1_000, whole)).toEqual({ fromMs: 1_400, toMs: 1_420 });
  });
});

describe('movedBy', () => {
  it('keeps the width, and stops at the ends', () => {
    const window = { fromMs: 1_400, toMs: 1_600 };
    expect(movedBy(window, 100, whole)).toEqual({ fromMs: 1_500, toMs: 1_700 });
    expect(movedBy(window, -900, whole)).toEqual({ fromMs: 1_000, toMs: 1_200 });
  });
});

describe('between', () => {
  it('is never narrower than 2 %', () => {
    expect(between(1_500, 1_501, whole)).toEqual({ fromMs: 1_500, toMs: 1_520 });
  });

  it('takes the earlier moment first', () => {
    expect(between(1_700, 1_200, whole)).toEqual({ fromMs: 1_200, toMs: 1_700 });
  });
});

describe('orWhole', () => {
  it('forgets a window that is everything', () => {
    expect(orWhole(whole, whole)).toBeNull();
    expect(orWhole({ fromMs: 1_000, toMs: 1_999 }, whole)).not.toBeNull();
  });
});

describe('around', () => {
  it('leaves room on both sides', () => {
    expect(around({ fromMs: 1_200, toMs: 1_400 }, whole)).toEqual({ fromMs: 1_180, toMs: 1_420 });
  });

  it('shows a short step of a long run, and stays within the whole', () => {
    expect(around(whole, whole)).toEqual(whole);
    expect(around({ fromMs: 1_000, toMs: 1_000 }, whole)).toEqual({ fromMs: 1_000, toMs: 1_002 });
  });
});
