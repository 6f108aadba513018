import { expect, test } from 'vitest';
import { changesInWords } from './sync-outcome';

const NONE = { functionsAdded: [], functionsChanged: [], functionsRemoved: [] };

test.each([
  [{ ...NONE, status: 'DUPLICATE' as const }, 'Nothing changed'],
  [{ ...NONE, status: 'SUCCESS' as const }, 'The app changed, its functions did not'],
  [{ ...NONE, status: 'SUCCESS' as const, functionsAdded: ['a'] }, '1 function added'],
  [
    {
      status: 'SUCCESS' as const,
      functionsAdded: ['a', 'b'],
      functionsChanged: ['c'],
      functionsRemoved: ['d'],
    },
    '2 functions added, 1 changed, 1 removed',
  ],
  [{ ...NONE, status: 'SUCCESS' as const, functionsRemoved: ['a', 'b'] }, '2 functions removed'],
])('%j: %s', (sync, words) => {
  expect(changesInWords(sync)).toBe(words);
});
