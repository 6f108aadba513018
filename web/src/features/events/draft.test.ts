import { describe, expect, it } from 'vitest';
import { checkDraft, draftOf, EVENTS_MAX } from './draft';

const problemOf = (value: unknown) =>
  checkDraft(typeof value === 'string' ? value : JSON.stringify(value)).problem;

describe('checkDraft', () => {
  it('takes an event and keeps its text', () => {
    const text = '{ "name": "shop/order", "data": {"id": 12345678901234567890} }';
    expect(checkDraft(text)).toEqual({
      draft: { eventsText: `[${text}]`, names: ['shop/order'], remarks: [] },
      problem: null,
    });
  });

  it('takes a list as it is', () => {
    const text = '[{"name": "a"}, {"name": "b", "data": null, "ts": 0, "v": "1", "user": {}}]';
    expect(checkDraft(text).draft).toMatchObject({ eventsText: text, names: ['a', 'b'] });
  });

  it('says where the text is no JSON', () => {
    expect(problemOf('{\n  "name": "a",\n}')).toBe(
      'Line 3, column 1: Remove the comma before this bracket.',
    );
    expect(problemOf('  ')).toMatch(/^Write an event/);
  });

  it.each([
    ['"text"', 'An event is an object'],
    ['[]', 'The list is empty'],
    [{}, 'The name is missing'],
    [{ name: 3 }, 'The name must be a text.'],
    [{ name: '' }, 'The name is empty.'],
    [{ name: 'Inngest/x' }, 'the server’s own'],
    [{ name: 'a', data: [] }, '"data" must be an object.'],
    [{ name: 'a', user: 'u' }, '"user" must be an object.'],
    [{ name: 'a', id: 7 }, '"id" must be a text.'],
    [{ name: 'a', v: 7 }, '"v" must be a text.'],
    [{ name: 'a', ts: '2026-11-21' }, '"ts" must be a whole number'],
    [{ name: 'a', ts: 1.5 }, '"ts" must be a whole number'],
    [{ name: 'a', ts: 1_732_180_035 }, 'not seconds'],
    [{ name: 'a', ts: 9e15 }, 'after 2100'],
    [[{ name: 'a' }, { data: {} }], 'Event 2: The name is missing'],
    [[{ name: 'a' }, 1], 'Event 2: An event is an object'],
  ])('refuses %j', (value, problem) => {
    expect(problemOf(value)).toContain(problem);
  });

  it('refuses too many events and too large ones', () => {
    const many = Array.from({ length: EVENTS_MAX + 1 }, () => ({ name: 'a' }));
    expect(problemOf(many)).toContain('at most 5,000 events');
    expect(problemOf(many.slice(1))).toBeNull();
    const large = { name: 'a', data: { x: 'é'.repeat(1.6 * 1024 * 1024) } };
    expect(problemOf(large)).toBe('The event has 3.2 MiB; 3 MiB is the most that one may have.');
    expect(problemOf([{ name: 'b' }, large])).toContain('Event 2 has 3.2 MiB');
    expect(problemOf({ name: 'a', data: { x: 'e'.repeat(2.9 * 1024 * 1024) } })).toBeNull();
  });

  it('does not count white space', () => {
    const rows = Array.from({ length: 60_000 }, (_, n) => ({ n, text: 'some words of a row' }));
    const text = JSON.stringify({ name: 'a', data: { rows } }, null, 4);
    expect(text.length).toBeGreaterThan(4 * 1024 * 1024);
    expect(problemOf(text)).toBeNull();
  });

  it('remarks on what has no effect', () => {
    const { draft } = checkDraft('{"name": "a", "id": "1", "payload": {}}');
    expect(draft?.remarks.join(' ')).toMatch(/drops "payload".*starts nothing/s);
  });
});

describe('draftOf', () => {
  it('leaves out id, ts and what is null, and puts the name first', () => {
    const raw =
      '{"data":{"n":12345678901234567890,"id":"inner"},"id":"01K","name":"a/b","ts":1,"v":null}';
    expect(draftOf(raw)).toBe(
      '{\n  "name": "a/b",\n  "data": {\n    "n": 12345678901234567890,\n    "id": "inner"\n  }\n}',
    );
  });
});
