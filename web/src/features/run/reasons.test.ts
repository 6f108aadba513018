import { expect, it } from 'vitest';
import { cancelWords, skipWords } from './reasons';

it('says every reason in words', () => {
  for (const reason of [
    'api',
    'event',
    'start_timeout',
    'finish_timeout',
    'singleton',
    'bulk',
    'paused',
    'removed',
  ]) {
    expect(cancelWords(reason)).not.toBe(cancelWords(null));
  }
  for (const reason of ['singleton', 'paused', 'drained']) {
    expect(skipWords(reason)).not.toBe(skipWords(null));
  }
});

it('admits that it does not know other reasons', () => {
  expect(cancelWords('eclipse')).toBe('The server does not say why.');
  expect(skipWords('eclipse')).toBe('The server does not say why.');
});
