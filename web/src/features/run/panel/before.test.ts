import { expect, it } from 'vitest';
import { BEGIN_MS, runOf, stepOf, userSpanOf } from '../testing/spans';
import { arrange } from '../timeline/arrange';
import { endBefore } from './before';

const root = arrange(
  runOf(
    [
      stepOf('a', { queued: 5, ended: 20, childrenSpans: [userSpanOf('query')] }),
      stepOf('long', { queued: 5, ended: 90 }),
      stepOf('b', { queued: 24, ended: 30 }),
    ],
    { started: 3 },
  ),
);

it('is the start of the run for the first step', () => {
  const [a] = root.children;
  expect(a && endBefore(root, a)).toBe(BEGIN_MS + 3);
});

it('is the latest end before a later one', () => {
  const b = root.children[2];
  expect(b && endBefore(root, b)).toBe(BEGIN_MS + 20);
});

it('is not known of what lies deeper', () => {
  const span = root.children[0]?.children[0];
  expect(span && endBefore(root, span)).toBeNull();
});
