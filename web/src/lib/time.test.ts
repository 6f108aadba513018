import { describe, expect, it } from 'vitest';
import { formatAge, formatRelative } from './time';

const NOW = Date.parse('2026-11-21T12:00:00.000Z');

describe('distances from now', () => {
  it.each([
    ['2026-11-21T11:59:57.000Z', '3 seconds ago', '3 s ago'],
    ['2026-11-21T12:05:00.000Z', 'in 5 minutes', 'in 5 m'],
    ['2026-11-21T10:00:00.000Z', '2 hours ago', '2 h ago'],
    ['2026-11-20T12:00:00.000Z', 'yesterday', '1 d ago'],
    ['2026-11-21T12:00:00.400Z', 'now', '0 s ago'],
  ])('%s is %s, in short %s', (instant, relative, age) => {
    expect(formatRelative(instant, NOW)).toBe(relative);
    expect(formatAge(instant, NOW)).toBe(age);
  });
});
