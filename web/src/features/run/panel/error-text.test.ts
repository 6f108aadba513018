import { describe, expect, it } from 'vitest';
import { causeText, errorTitle } from './error-text';

const error = (facts: object) => ({ message: '', name: null, stack: null, cause: null, ...facts });

describe('errorTitle', () => {
  it('is the message, else that of the cause, else the name', () => {
    expect(errorTitle(error({ message: 'broken', name: 'Error' }))).toBe('broken');
    expect(errorTitle(error({ cause: { message: 'inner' }, name: 'Error' }))).toBe('inner');
    expect(errorTitle(error({ cause: 'inner' }))).toBe('inner');
    expect(errorTitle(error({ name: 'TypeError' }))).toBe('TypeError');
    expect(errorTitle(error({}))).toBe('Unknown error');
  });
});

describe('causeText', () => {
  it('is nothing without a cause', () => {
    expect(causeText(null)).toBeNull();
    expect(causeText(undefined)).toBeNull();
  });

  it('shows errors with their causes as text', () => {
    const cause = {
      name: 'Error',
      message: 'no answer',
      stack: 'Error: no answer\n  at call',
      cause: { name: 'DNS', message: 'no such host' },
    };
    expect(causeText(cause)).toEqual({
      text: 'Error: no answer\n  at call\n\nCaused by:\nDNS: no such host',
      language: 'text',
    });
  });

  it('shows anything else as JSON', () => {
    expect(causeText({ code: 17 })).toEqual({ text: '{\n  "code": 17\n}', language: 'json' });
    expect(causeText({ message: 'x', code: 17 })?.language).toBe('json');
    expect(causeText([1])?.language).toBe('json');
    expect(causeText('words')).toEqual({ text: 'words', language: 'text' });
  });
});
