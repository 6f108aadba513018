import { describe, expect, it } from 'vitest';
import type { Waiting } from './queries';
import { heldUp, whyNotStarted } from './waiting';

const item = (constraint: string, underWay = false): Waiting => ({
  id: constraint,
  stepID: '',
  underWay,
  constraint,
  key: null,
  value: '',
  limit: null,
  inUse: null,
  ahead: 0,
  startsAt: null,
  message: constraint,
});

describe('heldUp', () => {
  it('leaves out what only waits for its time, or is under way', () => {
    const items = [item('not_due'), item('none'), item('throttle', true), item('paused')];
    expect(heldUp(items).map(({ id }) => id)).toEqual(['paused']);
  });
});

describe('whyNotStarted', () => {
  it('is what holds the run up', () => {
    expect(whyNotStarted([item('not_due'), item('throttle')])?.id).toBe('throttle');
  });

  it('is the first that waits if nothing holds it up', () => {
    expect(whyNotStarted([item('not_due')])?.id).toBe('not_due');
    expect(whyNotStarted([])).toBeUndefined();
  });
});
