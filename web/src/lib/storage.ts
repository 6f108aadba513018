/** What this browser remembers. Storage may be forbidden or full: then nothing is remembered. */
import { useCallback, useState } from 'react';

export function recall<Value>(
  key: string,
  accepts: (value: unknown) => value is Value,
): Value | null {
  try {
    const text = localStorage.getItem(`stepwell.${key}`);
    const value: unknown = text === null ? null : JSON.parse(text);
    return accepts(value) ? value : null;
  } catch {
    return null;
  }
}

export function remember(key: string, value: unknown): void {
  try {
    localStorage.setItem(`stepwell.${key}`, JSON.stringify(value));
  } catch {
    // Nothing depends on it.
  }
}

/** State that survives a reload. */
export function useRemembered<Value>(
  key: string,
  initial: Value,
  accepts: (value: unknown) => value is Value,
): [Value, (value: Value) => void] {
  const [value, setValue] = useState<Value>(() => recall(key, accepts) ?? initial);
  const set = useCallback(
    (next: Value) => {
      setValue(next);
      remember(key, next);
    },
    [key],
  );
  return [value, set];
}

export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
export const isText = (value: unknown): value is string => typeof value === 'string';
