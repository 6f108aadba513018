import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { useGently } from './useGently';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

/** An action that takes a while, and how often it was begun. */
function slow(ms: number) {
  const action = vi.fn(() => new Promise<void>((done) => setTimeout(done, ms)));
  const { result, unmount } = renderHook(() => useGently(action, 500));
  return { action, call: result.current, unmount };
}

describe('useGently', () => {
  it('begins at once, and gathers what is asked for meanwhile', async () => {
    const { action, call } = slow(10);
    call();
    call();
    call();
    expect(action).toHaveBeenCalledTimes(1);
    await pass(509);
    expect(action).toHaveBeenCalledTimes(1);
    await pass(1);
    expect(action).toHaveBeenCalledTimes(2);
    await pass(5_000);
    expect(action).toHaveBeenCalledTimes(2);
  });

  it('asks seldom for what takes long', async () => {
    const { action, call } = slow(2_000);
    call();
    call();
    await pass(9_999);
    expect(action).toHaveBeenCalledTimes(1);
    await pass(1);
    expect(action).toHaveBeenCalledTimes(2);
  });

  it('survives an action that fails', async () => {
    const action = vi.fn(() => Promise.reject(new Error('gone')));
    const { result } = renderHook(() => useGently(action, 500));
    result.current();
    await pass(500);
    result.current();
    expect(action).toHaveBeenCalledTimes(2);
  });

  it('does nothing any more once its owner is gone', async () => {
    const { action, call, unmount } = slow(10);
    call();
    call();
    unmount();
    await pass(5_000);
    expect(action).toHaveBeenCalledTimes(1);
  });
});
