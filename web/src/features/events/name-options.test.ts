import { expect, it } from 'vitest';
import { nameOptions } from './name-options';

it('begins with what is chosen', () => {
  expect(nameOptions(['a', 'b', 'c'], ['c', 'gone'], '')).toEqual(['c', 'gone', 'a', 'b']);
});

it('offers what is typed as a name of its own', () => {
  expect(nameOptions(['shop/order', 'shop/cart'], [], ' Order ')).toEqual(['shop/order', 'Order']);
  expect(nameOptions(['shop/order'], ['shop/cart'], 'shop/order')).toEqual(['shop/order']);
});
