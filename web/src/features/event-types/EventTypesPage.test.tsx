import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, it, vi } from 'vitest';
import { serve, show } from '~/testing/stage';
import { EventTypesPage } from './EventTypesPage';

const type = (given: object = {}) => ({
  name: 'shop/order',
  lastReceivedAt: '2026-11-21T09:00:00Z',
  lastEventID: '01M7ZNTVN4FAZ6WZQ7CEK449QQ',
  volume: [0, 2, 1],
  functions: ['Ship', 'Mail', 'Audit'].map((name) => ({ id: name, name, slug: `shop-${name}` })),
  ...given,
});
const answer = (...types: object[]) => ({ EventTypes: { data: { eventTypes: types } } });

it('leads from a name to its page, its events and its functions', async () => {
  serve(answer(type()));
  show(<EventTypesPage search={undefined} onSearch={() => {}} />);
  expect(await screen.findByRole('link', { name: 'shop/order' })).toHaveAttribute(
    'href',
    '/event-types/shop%2Forder',
  );
  expect(screen.getByRole('link', { name: '3 events named shop/order' })).toHaveAttribute(
    'href',
    expect.stringContaining('/events?filterEvent='),
  );
  expect(screen.getByRole('img', { name: '3 events in the last 24 hours' })).toBeVisible();
  expect(screen.getByRole('link', { name: 'Mail' })).toBeVisible();
  expect(screen.getByText('+1')).toHaveAttribute('title', 'Audit');
});

it('says that there are too many to be counted', async () => {
  serve(answer(type({ volume: null, functions: [] })));
  show(<EventTypesPage search={undefined} onSearch={() => {}} />);
  expect(await screen.findByRole('link', { name: 'Many events named shop/order' })).toBeVisible();
});

it('searches by what is typed, and says that nothing was found', async () => {
  const asked = serve(answer());
  const onSearch = vi.fn();
  show(<EventTypesPage search="cart" onSearch={onSearch} />);
  expect(await screen.findByText('No event of such a name came')).toBeVisible();
  expect(asked[0]?.variables).toEqual({ first: 100, search: 'cart' });
  await userEvent.type(screen.getByRole('searchbox'), 's{Enter}');
  expect(onSearch).toHaveBeenLastCalledWith('carts');
  await userEvent.click(screen.getByRole('button', { name: 'Show all types' }));
  expect(onSearch).toHaveBeenLastCalledWith(undefined);
});

it('shows why it could not ask', async () => {
  serve({ EventTypes: { data: null, errors: [{ message: 'the store is away' }] } });
  show(<EventTypesPage search={undefined} onSearch={() => {}} />);
  expect(await screen.findByText('the store is away')).toBeVisible();
});
