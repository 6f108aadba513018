import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { serve, show } from '~/testing/stage';
import { Toasts } from '~/ui/toasts';
import { AppsPage } from './AppsPage';

const SHOP = {
  id: '6c1ecbb7-1c45-5a61-9d3e-2b6ad9b3c7a0',
  name: 'shop',
  url: 'http://localhost:8000/api/inngest',
  error: null as string | null,
  functionCount: 2,
  sdkLanguage: 'py',
  sdkVersion: '0.5.19',
  framework: 'fast_api',
  platform: null,
  appVersion: '7',
  method: 'SERVE',
  syncedAt: '2026-11-21T09:00:00Z' as string | null,
  createdAt: '2026-11-21T09:00:00Z',
  drainedAt: null,
  archived: false,
  autodiscovered: false,
  problems: [] as { function: string; field: string; code: string; message: string }[],
};

function open(apps: (typeof SHOP)[], answers: Parameters<typeof serve>[0] = {}, syncs = false) {
  const asked = serve({ Apps: { data: { apps } }, ...answers });
  show(
    <>
      <AppsPage syncs={syncs} guides={false} onChange={() => {}} />
      <Toasts />
    </>,
  );
  return asked;
}

test('an app that is well shows what it is', async () => {
  open([SHOP]);
  const card = await screen.findByRole('article', { name: 'shop' });
  for (const text of ['Synced', 'Python 0.5.19', 'FastAPI', '7', '2 functions', SHOP.url]) {
    expect(within(card).getByText(text)).toBeVisible();
  }
});

test('an app that fails shows what to do, and which options are wrong', async () => {
  const problem = { function: 'ship', field: 'retries', code: 'x', message: 'is more than 20' };
  open([
    { ...SHOP, error: 'invalid_function', problems: [problem] },
    { ...SHOP, id: '2', name: '', error: 'unreachable', syncedAt: null, url: 'http://x:1/y' },
  ]);
  const failing = await screen.findByRole('article', { name: 'shop' });
  expect(within(failing).getByText('Failing')).toBeVisible();
  expect(within(failing).getByRole('row', { name: 'ship retries is more than 20' })).toBeVisible();
  const placeholder = screen.getByRole('article', { name: 'http://x:1/y' });
  expect(within(placeholder).getByText('Not synced')).toBeVisible();
  expect(within(placeholder).getByText(/Start the app/)).toBeVisible();
});

test('resyncing tells what changed', async () => {
  const sync = {
    status: 'SUCCESS',
    functionsAdded: ['a'],
    functionsChanged: [],
    functionsRemoved: [],
  };
  const asked = open([SHOP], { SyncApp: { data: { syncApp: { ...SHOP, syncs: [sync] } } } });
  await userEvent.click(await screen.findByRole('button', { name: 'Resync shop' }));
  expect(await screen.findByText('shop: 1 function added')).toBeVisible();
  expect(asked.find(({ name }) => name === 'SyncApp')?.variables).toEqual({ id: SHOP.id });
});

test('an app is removed only after its consequences were shown', async () => {
  const asked = open([SHOP], { RemoveApp: { data: { deleteApp: SHOP.id } } });
  await userEvent.click(await screen.findByRole('button', { name: 'More actions for shop' }));
  await userEvent.click(await screen.findByRole('menuitem', { name: 'Remove' }));
  const dialog = await screen.findByRole('alertdialog');
  expect(dialog).toHaveTextContent('Its 2 functions start no new runs');
  expect(asked.map(({ name }) => name)).not.toContain('RemoveApp');
  await userEvent.click(within(dialog).getByRole('button', { name: 'Remove' }));
  expect(asked.find(({ name }) => name === 'RemoveApp')?.variables).toEqual({ id: SHOP.id });
});

test('a URL that makes no sense is not sent; a refused one says what to do', async () => {
  const refused = { errors: [{ message: 'url_not_found' }], data: null };
  const asked = open([SHOP], { CreateApp: refused }, true);
  const url = await screen.findByLabelText('URL of the app');
  await userEvent.type(url, 'ftp://x{Enter}');
  expect(await screen.findByText(/http:\/\/ or https:\/\/ only/)).toBeVisible();
  expect(asked.map(({ name }) => name)).not.toContain('CreateApp');

  await userEvent.clear(url);
  await userEvent.type(url, 'localhost:3000/api{Enter}');
  expect(await screen.findByText('The URL answers with 404, not found')).toBeVisible();
  expect(asked.find(({ name }) => name === 'CreateApp')?.variables).toEqual({
    url: 'http://localhost:3000/api',
  });
});

test('without an app, the way to the first one is shown', async () => {
  open([]);
  expect(await screen.findByRole('heading', { name: 'Run your first function' })).toBeVisible();
  expect(screen.getByRole('button', { name: 'Send the event' })).toBeDisabled();
  await userEvent.click(screen.getByRole('radio', { name: 'Express, TypeScript' }));
  expect(screen.getByText('npx tsx watch server.ts', { exact: false })).toBeVisible();
});

test('apps that cannot be loaded are no missing apps', async () => {
  open([], { Apps: { errors: [{ message: 'The database does not answer' }], data: null } });
  expect(await screen.findByText('The database does not answer')).toBeVisible();
  expect(screen.queryByRole('heading', { name: 'Run your first function' })).toBeNull();
});
