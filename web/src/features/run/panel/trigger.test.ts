import { describe, expect, it } from 'vitest';
import type { RunTrigger } from '../queries';
import { inputText, invocationData, nameOfEvent, scheduleTimes } from './trigger';

const trigger = (facts: Partial<RunTrigger> = {}): RunTrigger => ({
  eventName: 'a',
  IDs: ['1'],
  payloads: ['{"name":"a","data":{"id":7,"_inngest":{"x":1}}}'],
  timestamp: '2026-11-21T09:00:00Z',
  isBatch: false,
  batchID: null,
  cron: null,
  ...facts,
});

describe('inputText', () => {
  it('is the event, or a list of the events of a batch', () => {
    expect(inputText(trigger({ payloads: ['{"name":"a"}'] }))).toBe('{"name":"a"}');
    expect(inputText(trigger({ payloads: ['1', '2'], isBatch: true }))).toBe('[1,2]');
    expect(inputText(trigger({ payloads: [] }))).toBeNull();
  });
});

describe('invocationData', () => {
  it('is the data of the event, without what the server added', () => {
    expect(invocationData(trigger())).toEqual({ id: 7 });
  });

  it('is nothing for batches, or if the payload cannot be read', () => {
    expect(invocationData(trigger({ isBatch: true }))).toBeUndefined();
    expect(invocationData(trigger({ payloads: ['{'] }))).toBeUndefined();
  });
});

describe('scheduleTimes', () => {
  it('comes from the data of the schedule', () => {
    const payloads = [
      '{"data":{"scheduledAt":"2026-01-01T00:00:00Z","fireAt":"2026-01-01T00:00:07Z"}}',
    ];
    expect(scheduleTimes(trigger({ cron: '0 0 * * *', payloads }))).toEqual({
      plannedFor: '2026-01-01T00:00:00Z',
      firedAt: '2026-01-01T00:00:07Z',
    });
    expect(scheduleTimes(trigger())).toEqual({});
  });
});

describe('nameOfEvent', () => {
  it('reads the name, if there is one', () => {
    expect(nameOfEvent('{"name":"order/paid"}')).toBe('order/paid');
    expect(nameOfEvent('{')).toBe('');
    expect(nameOfEvent(undefined)).toBe('');
  });
});
