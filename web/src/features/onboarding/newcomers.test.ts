import { expect, test } from 'vitest';
import { newcomers } from './newcomers';

const app = (id: string, name: string, error: string | null = null) => ({ id, name, error });

test('tells apps that registered from those that could not', () => {
  const old = app('1', 'old');
  const well = app('2', 'hello');
  const placeholder = app('3', '', 'unreachable');
  const broken = app('4', 'shop', 'invalid_function');
  expect(newcomers([old, well, placeholder, broken], new Set(['1']))).toEqual({
    synced: [well],
    failing: [placeholder, broken],
  });
});
