import { screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { serve, show } from '~/testing/stage';
import { ServerPage } from './ServerPage';

const SERVER = {
  version: '0.1.0',
  kind: 'cloud',
  startedAt: '2026-11-21T09:00:00Z',
  store: 'sqlite',
  databasePath: '/data/main.db',
  databaseBytes: 4_100_000,
  walBytes: 12_000,
  queueDepth: 1234 as number | null,
  functionCount: 7,
  appCount: 2,
  callsUnderWay: 1,
  callsMax: 1,
  subscribers: 3,
  environment: { id: '1', name: 'default' },
  partitions: [{ id: 0, epoch: 4, ownedSince: '2026-11-21T09:00:00Z', owner: 'host:17' }],
  slowestCalls: [
    {
      runID: '01KAJF97FJ0000000000000001',
      functionSlug: 'shop-ship',
      functionName: 'Ship',
      attempt: 1,
      since: '2026-11-21T09:00:00Z',
      stepID: null,
    },
  ],
  slowWork: [
    { kind: 'commit', what: '12 transitions', at: '2026-11-21T09:00:00Z', durationMs: 250 },
  ],
  commits: { count: 1000, p50Ms: 0.04, p99Ms: 17.4, transitionsPerCommit: 2.5 },
};
const SAME = { events: '30d', runs: '30d', journals: '30d', rollups: '90d', operations: '30d' };
const RETENTION = {
  kept: { ...SAME, events: '14d' },
  own: { events: '14d', runs: null, journals: null, rollups: null, operations: null },
  server: SAME,
  lastPass: { beganAt: '2026-11-21T09:00:00Z', deleted: [{ table: 'events', rows: 1200 }] },
};

function open(server: object = SERVER, answers: Parameters<typeof serve>[0] = {}) {
  const asked = serve({
    Server: { data: { server } },
    Retention: { data: { retention: RETENTION } },
    ...answers,
  });
  show(<ServerPage />);
  return asked;
}

test('shows what the server is and does, with links to what takes long', async () => {
  open();
  for (const text of ['Production', '4.1 MB', '/data/main.db', 'under 0.1 ms', '17 ms', '1,234']) {
    expect(await screen.findByText(text)).toBeVisible();
  }
  expect(screen.getByText('All workers are busy')).toBeVisible();
  const calls = screen.getByRole('region', { name: 'Calls under way' });
  expect(within(calls).getByRole('link', { name: 'Ship' })).toHaveAttribute(
    'href',
    '/functions/shop-ship',
  );
  expect(within(calls).getByRole('cell', { name: '2' })).toBeVisible();
  expect(screen.getByRole('region', { name: 'Slow work' })).toHaveTextContent('12 transitions');
  expect(screen.getByRole('region', { name: 'Partitions' })).toHaveTextContent('host:17');
});

test('says that a server without a partition works on nothing', async () => {
  open({ ...SERVER, partitions: [], slowestCalls: [], slowWork: [], queueDepth: null });
  expect(await screen.findByText('This server works on nothing')).toBeVisible();
  expect(screen.getByText('being counted')).toBeVisible();
  expect(screen.getByText(/^Nothing: no commit took more/)).toBeVisible();
});

test('keeps showing retention when the server cannot say how it is', async () => {
  open(SERVER, { Server: { errors: [{ message: 'The database does not answer' }], data: null } });
  expect(await screen.findByText('The database does not answer')).toBeVisible();
  expect(await screen.findByText(/1,200 events/)).toBeVisible();
});

test('points out what a shorter time deletes, and sends only what was changed', async () => {
  const asked = open(SERVER, { SetRetention: { data: { setRetention: { kept: SAME } } } });
  await userEvent.click(await screen.findByRole('button', { name: 'Change' }));
  const dialog = await screen.findByRole('dialog');
  const runs = within(dialog).getByLabelText('Runs');
  await userEvent.type(runs, 'soon');
  expect(within(dialog).getByRole('alert')).toHaveTextContent('such as 30d');
  expect(within(dialog).getByRole('button', { name: 'Change' })).toBeDisabled();

  await userEvent.clear(runs);
  await userEvent.type(runs, '7d');
  expect(within(dialog).getByText(/Runs older than 7 days/)).toBeVisible();
  await userEvent.clear(within(dialog).getByLabelText('Events'));
  await userEvent.click(within(dialog).getByRole('button', { name: 'Change and delete' }));
  expect(asked.find(({ name }) => name === 'SetRetention')?.variables).toEqual({
    input: { events: null, runs: '7d' },
  });
});
