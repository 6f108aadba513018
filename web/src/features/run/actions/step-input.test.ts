import { describe, expect, it } from 'vitest';
import { readInput, setOutInput } from './step-input';

describe('readInput', () => {
  it('takes a list as it was written', () => {
    expect(readInput(' [1, {"a": 12345678901234567890}] ')).toEqual({
      json: '[1, {"a": 12345678901234567890}]',
    });
  });

  it('takes any other value as the only argument', () => {
    expect(readInput('{"a": 1}')).toEqual({ json: '[{"a": 1}]' });
    expect(readInput('null')).toEqual({ json: '[null]' });
  });

  it('leaves the input to the app if nothing is written', () => {
    expect(readInput('  \n')).toEqual({ json: null });
  });

  it('says what is wrong with what is not JSON', () => {
    expect(readInput('[1,')).toHaveProperty('error');
    expect(readInput('hello')).toHaveProperty('error');
  });
});

describe('setOutInput', () => {
  it('sets JSON out and keeps other text', () => {
    expect(setOutInput('[1]')).toBe('[\n  1\n]');
    expect(setOutInput('not json')).toBe('not json');
    expect(setOutInput(null)).toBe('');
  });
});
