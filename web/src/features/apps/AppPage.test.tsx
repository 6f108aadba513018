import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { serve, show } from '~/testing/stage';
import { AppPage } from './AppPage';

const ID = '6c1ecbb7-1c45-5a61-9d3e-2b6ad9b3c7a0';
const SYNC = {
  at: '2026-11-21T09:00:00Z',
  url: 'http://localhost:8000/api/inngest',
  sdkLanguage: 'py',
  sdkVersion: '0.5.19',
  framework: 'fast_api',
  appVersion: null,
  error: null,
  message: null,
  functionsAdded: [],
  functionsChanged: [],
  functionsRemoved: [],
};
const APP = {
  id: ID,
  name: 'shop',
  url: 'http://localhost:8000/api/inngest',
  error: null,
  functionCount: 2,
  sdkLanguage: 'py',
  sdkVersion: '0.5.19',
  framework: 'fast_api',
  platform: null,
  appVersion: null,
  method: 'SERVE',
  syncedAt: '2026-11-21T09:00:00Z',
  createdAt: '2026-11-21T09:00:00Z',
  drainedAt: null,
  archived: false,
  autodiscovered: false,
  problems: [],
  checksum: 'abc',
  functions: [
    { id: '2', name: 'Step 10', slug: 'shop-10', triggers: [], pause: null },
    {
      id: '1',
      name: 'Step 2',
      slug: 'shop-2',
      triggers: [{ type: 'EVENT', value: 'shop/placed', condition: null }],
      pause: { newRuns: 'SKIP', isDrain: false },
    },
  ],
  syncs: [
    { ...SYNC, id: 'c', status: 'ERROR', error: 'unreachable', message: 'Nothing answers' },
    { ...SYNC, id: 'b', status: 'DUPLICATE' },
    { ...SYNC, id: 'a', status: 'SUCCESS', functionsAdded: ['shop-2', 'shop-10'] },
  ],
};

test('shows functions by name and what every synchronisation came to', async () => {
  serve({ AppPage: { data: { app: APP } } });
  show(<AppPage appId={ID} />);
  expect(await screen.findByRole('heading', { name: 'shop' })).toBeVisible();
  const names = screen.getAllByRole('link', { name: /^Step/ }).map((link) => link.textContent);
  expect(names).toEqual(['Step 2', 'Step 10']);
  expect(screen.getByText('Paused')).toBeVisible();
  expect(screen.getByText('Nothing answers at the URL')).toBeVisible();
  expect(screen.getByText('Nothing changed')).toBeVisible();
  await userEvent.click(screen.getByText('2 functions added'));
  expect(screen.getByText('shop-2, shop-10')).toBeVisible();
});

test('a removed app says so and offers no actions', async () => {
  serve({ AppPage: { data: { app: { ...APP, archived: true } } } });
  show(<AppPage appId={ID} />);
  expect(await screen.findByText('This app was removed')).toBeVisible();
  expect(screen.queryByRole('button', { name: 'Resync shop' })).toBeNull();
});

test('an app that does not exist is not found', async () => {
  const missing = { errors: [{ message: 'sql: no rows in result set' }], data: { app: null } };
  serve({ AppPage: missing });
  show(<AppPage appId={ID} />);
  expect(await screen.findByRole('heading', { name: 'App not found' })).toBeVisible();
});
