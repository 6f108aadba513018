import { describe, expect, it } from 'vitest';
import { runOf, stepOf } from '../testing/spans';
import { arrange } from './arrange';
import { parallelGroups, parallelWords } from './parallel';

/** Groups of steps with these beginnings and ends. */
function groupsOf(...times: [number, number | null][]) {
  const steps = times.map(([queued, ended], at) => stepOf(`${at}`, { queued, ended }));
  return parallelGroups(arrange(runOf(steps, { ended: null, status: 'RUNNING' })).children);
}

describe('parallelGroups', () => {
  it('finds none among steps that follow each other, even without a pause', () => {
    expect(groupsOf([0, 10], [10, 20], [25, 30])).toEqual([]);
  });

  it('finds steps that overlap', () => {
    expect(groupsOf([0, 10], [10, 40], [10, 30], [12, 20], [40, 50])).toEqual([
      { first: 1, last: 3, peak: 3 },
    ]);
  });

  it('finds several groups', () => {
    expect(groupsOf([0, 10], [5, 8], [10, 20], [12, 14])).toEqual([
      { first: 0, last: 1, peak: 2 },
      { first: 2, last: 3, peak: 2 },
    ]);
  });

  it('keeps two lines of steps together, and says how many went on at once', () => {
    const [group] = groupsOf([0, 10], [0, 30], [10, 20], [20, 28]);
    expect(group).toEqual({ first: 0, last: 3, peak: 2 });
  });

  it('takes what goes on to overlap everything after it', () => {
    expect(groupsOf([0, null], [100, 110], [200, null])).toEqual([{ first: 0, last: 2, peak: 2 }]);
  });

  it('does not group what took no time', () => {
    expect(groupsOf([5, 5], [5, 5])).toEqual([]);
  });
});

describe('parallelWords', () => {
  it('says how many there are', () => {
    expect(parallelWords({ first: 1, last: 3, peak: 3 })).toBe('3 in parallel');
    expect(parallelWords({ first: 0, last: 3, peak: 2 })).toBe('up to 2 in parallel');
  });
});
