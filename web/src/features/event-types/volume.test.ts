import { expect, it } from 'vitest';
import { volumeOf } from './volume';

it('adds up and says so', () => {
  const volume = volumeOf([0, 1200, 3]);
  expect(volume.total).toBe(1203);
  expect(volume.label).toBe('1,203 events in the last 24 hours');
  expect(volume.stacks.map(([bar]) => bar?.count)).toEqual([0, 1200, 3]);
  expect(volumeOf([1]).label).toBe('1 event in the last 24 hours');
});
