import { describe, expect, it } from 'vitest';
import { type SearchSubject, suggestionsFor } from './cel-completions';

const labels = (line: string, subject: SearchSubject = 'RUNS') =>
  suggestionsFor(line, subject)?.options.map(({ label }) => label) ?? [];

describe('what can be written next', () => {
  it('is a path at the beginning', () => {
    expect(labels('')).toContain('event.data.');
    expect(labels('')).toContain('error.message');
    expect(labels('ev')).toEqual(['event.data.', 'event.name', 'event.id', 'event.ts', 'event.v']);
    expect(labels('out')).toEqual(['output', 'output.']);
    expect(suggestionsFor('  out', 'RUNS')?.typed).toBe(3);
  });

  it('has no output where events are searched', () => {
    expect(labels('', 'EVENTS')).toContain('event.name');
    expect(labels('', 'EVENTS').join()).not.toMatch(/output|error/);
  });

  it('is an operator that makes sense behind a path', () => {
    expect(labels('event.ts ')).toEqual(['==', '!=', '>', '>=', '<', '<=']);
    expect(labels('event.name ')).toEqual(['==', '!=', 'in []']);
    expect(labels('event.data.total ')).toContain('>=');
    expect(labels('event.data.items[0].sku  >')).toEqual(['>=']);
    expect(labels('event.data["first name"] ')).toContain('==');
    expect(labels('event.name !')).toEqual(['!=']);
    expect(labels('output i')).toEqual(['in []']);
  });

  it('is a method of what may be a text', () => {
    expect(labels('event.name.')).toContain('startsWith("")');
    expect(labels('event.data.customer.email.en')).toEqual(['endsWith("")']);
    expect(labels('error.m')).toEqual(['error.message']);
    expect(labels('error.message.con')).toEqual(['contains("")']);
    expect(labels('event.data.')).toEqual([]);
    expect(suggestionsFor('event.name.st', 'RUNS')).toMatchObject({
      typed: 2,
      options: [{ label: 'startsWith("")', cursorBack: 2 }],
    });
  });

  it('begins again behind a connective, a bracket or a negation', () => {
    expect(labels('event.ts > 3 && ev')).toContain('event.name');
    expect(labels('event.ts > 3 || output.total ')).toContain('<');
    expect(labels('!(event.v')).toEqual([]);
    expect(labels('!(event.')).toContain('event.v');
    expect(labels('!out')).toContain('output');
  });

  it('is nothing within a text, and nothing where a value is wanted', () => {
    expect(labels('event.name == "ev')).toEqual([]);
    expect(labels("event.name == 'it\\'s ev")).toEqual([]);
    expect(labels('event.name == "a" ')).toEqual([]);
    expect(labels('event.name == ')).toEqual([]);
    expect(labels('event.name in ["a", ')).toEqual([]);
    expect(labels('user.id ')).toEqual([]);
    expect(labels('event.name == "a && ')).toEqual([]);
  });
});
