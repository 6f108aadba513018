import { expect, it } from 'vitest';
import { listensTo } from './listening';

const listener = (...values: string[]) => ({
  triggers: values.map((value) => ({ type: 'EVENT', value })),
});

it.each([
  ['shop/order', 'shop/order', true],
  ['shop/order', 'shop/order.paid', false],
  ['shop/*', 'shop/order.paid', true],
  ['shop/order.*', 'shop/order.paid', true],
  ['shop/order.*', 'shop/order', false],
  ['shop/or*', 'shop/order', false],
])('%s listens to %s: %s', (value, name, expected) => {
  expect(listensTo(listener(value), name)).toBe(expected);
});

it('is no matter of schedules', () => {
  expect(listensTo({ triggers: [{ type: 'CRON', value: 'a' }] }, 'a')).toBe(false);
  expect(listensTo({ triggers: null }, 'a')).toBe(false);
});
