import { expect, it } from 'vitest';
import { sentEventIds } from './sent-events';

const ID = '01M7ZNN07K7BG8V6BPHS60CB0G';

it('finds the ids of the events that a step sent', () => {
  expect(sentEventIds('step.sendEvent', `["${ID}"]`)).toEqual([ID]);
  expect(sentEventIds('step.sendEvent', `{"ids":["${ID}","no id"]}`)).toEqual([ID]);
});

it('finds none in the outputs of other steps, or in what cannot be read', () => {
  expect(sentEventIds('RUN', `["${ID}"]`)).toEqual([]);
  expect(sentEventIds('step.sendEvent', '{')).toEqual([]);
  expect(sentEventIds('step.sendEvent', '{"ids":7}')).toEqual([]);
  expect(sentEventIds('step.sendEvent', 'null')).toEqual([]);
  expect(sentEventIds('step.sendEvent', null)).toEqual([]);
});
