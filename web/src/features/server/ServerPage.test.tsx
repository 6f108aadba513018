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
  nodes: [
    {
      id: 4,
      name: 'host:17',
      version: '0.1.0',
      joinedAt: '2026-11-21T09:00:00Z',
      leaseUntil: null as string | null,
      state: 'LIVE',
      isThis: true,
      partitions: [0],
    },
  ],
  partitions: [{ id: 0, nodeID: 4 as number | null }],
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
  const servers = screen.getByRole('region', { name: 'Servers' });
  expect(servers).toHaveTextContent('host:17');
  expect(servers).toHaveTextContent('this one');
  expect(screen.queryByText('This server works on nothing')).toBeNull();
  expect(screen.queryByText(/The queue is that of all servers/)).toBeNull();
});

test('shows which server owns which partitions, and what is on its way', async () => {
  const [node] = SERVER.nodes;
  const ended = '2026-11-21T09:00:05Z';
  open({
    ...SERVER,
    nodes: [
      { ...node, partitions: [0, 1] },
      { ...node, id: 5, name: 'host:18', state: 'DRAINING', isThis: false, partitions: [2] },
      {
        ...node,
        id: 6,
        name: 'host:19',
        state: 'DEAD',
        isThis: false,
        partitions: [3, 4],
        leaseUntil: ended,
      },
      { ...node, id: 7, name: 'host:20', isThis: false, partitions: [] },
    ],
    partitions: [4, 4, 5, 6, 6, null].map((nodeID, id) => ({ id, nodeID })),
  });
  const servers = within(await screen.findByRole('region', { name: 'Servers' }));
  expect(servers.getAllByRole('row').map((row) => row.textContent)).toEqual([
    'ServerStatePartitionsVersionJoinedNode',
    expect.stringMatching(/^host:17this oneLive20\.1\.0.*4$/),
    expect.stringMatching(/^host:18Draining10\.1\.0.*5$/),
    expect.stringMatching(/^host:19Dead.*20\.1\.0.*6$/),
    expect.stringMatching(/^host:20Live00\.1\.0.*7$/),
  ]);
  for (const title of ['Nobody owns partition 5', 'host:18 stops', 'host:19 is dead']) {
    expect(screen.getByText(title)).toBeVisible();
  }
  const owners = screen.getAllByRole('term').map((term) => term.textContent);
  expect(owners.filter((name) => /^host|Nobody/.test(name ?? ''))).toEqual([
    'host:17this one',
    'host:18',
    'host:19',
    'Nobody',
  ]);
  expect(screen.getByText(/The queue is that of all servers/)).toBeVisible();
});

test('says that a server that is no node works on nothing', async () => {
  open({ ...SERVER, nodes: [], partitions: [], slowestCalls: [], slowWork: [], queueDepth: null });
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
