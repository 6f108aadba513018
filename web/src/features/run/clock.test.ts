import { expect, it } from 'vitest';
import { formatDeadline, formatTimePrecise } from './clock';

const NOW_MS = Date.parse('2026-11-21T09:00:00Z');

it('tells milliseconds', () => {
  expect(formatTimePrecise('2026-11-21T09:07:15.250Z')).toMatch(/07.15.250/);
});

it('tells seconds of what is soon, and the day of what is not', () => {
  expect(formatDeadline('2026-11-21T09:01:30Z', NOW_MS)).toMatch(/01.30/);
  expect(formatDeadline('2026-11-23T09:01:30Z', NOW_MS)).toMatch(/23/);
  expect(formatDeadline('2026-11-23T09:01:30Z', NOW_MS)).not.toMatch(/01.30/);
});
