import { expect, test } from 'vitest';
import {
  changesOf,
  type Kept,
  keptFault,
  keptInWords,
  keptMs,
  type OwnKept,
  shortened,
} from './kept';

const KEPT: Kept = {
  events: '30d',
  runs: '30d',
  journals: '30d',
  rollups: '90d',
  operations: '30d',
};
const OWN: OwnKept = { events: null, runs: null, journals: null, rollups: null, operations: null };
const TYPED: Kept = { events: '', runs: '', journals: '', rollups: '', operations: '' };

test.each([
  ['30d', 30 * 86_400_000],
  [' 1D12h ', 36 * 3_600_000],
  ['1m', 60_000],
  ['59s', null],
  ['36525d', 36_525 * 86_400_000],
  ['36525d1s', null],
  ['forever', Number.POSITIVE_INFINITY],
  ['30', null],
  ['3 d', null],
  ['-1d', null],
  ['', null],
])('%j is %s ms', (text, ms) => {
  expect(keptMs(text)).toBe(ms);
});

test('an empty field is as the server says, so nothing is wrong with it', () => {
  expect(keptFault(' ')).toBeNull();
  expect(keptFault('12h')).toBeNull();
  expect(keptFault('soon')).toMatch(/such as 30d/);
});

test('only what differs is sent', () => {
  const own = { ...OWN, events: '14d', runs: '7d' };
  const typed = { ...TYPED, events: '14D ', runs: '', rollups: 'forever' };
  expect(changesOf(typed, own)).toEqual({ runs: null, rollups: 'forever' });
});

test('tells what will be deleted because it is kept for a shorter time', () => {
  const changes = { events: '14d', runs: '60d', rollups: null, operations: 'forever' };
  expect(shortened(changes, { ...KEPT, rollups: 'forever' }, KEPT)).toEqual(['events', 'rollups']);
});

test.each([
  ['30d', '30 days'],
  ['1d', '1 day'],
  ['forever', 'for ever'],
  ['1d12h', '1d12h'],
])('%s reads %s', (text, words) => {
  expect(keptInWords(text)).toBe(words);
});
