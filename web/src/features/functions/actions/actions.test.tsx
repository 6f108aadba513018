import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { type Asked, serve, show } from '~/testing/stage';
import type { FunctionState } from '../function-state';
import ArchiveDialog from './ArchiveDialog';
import CancelRunsDialog from './CancelRunsDialog';
import PauseDialog from './PauseDialog';
import ReplayDialog from './ReplayDialog';
import ResumeDialog from './ResumeDialog';
import { readRate, wireNamesOf } from './replay-input';

const FN: FunctionState = {
  id: '8d5a0c1e-5a3b-5b53-9c38-4f1f0a0d8a11',
  slug: 'shop-order',
  name: 'Order',
  archived: false,
  triggers: [],
  pause: null,
  app: { id: 'a', name: 'shop', archived: false, method: 'SERVE' },
};

const counted = (totalCount: number) => ({
  data: { runs: { totalCount, totalCountIsExact: true } },
});
const sentBy = (asked: Asked[], name: string) =>
  asked.find((each) => each.name === name)?.variables;
const press = (name: string) => userEvent.click(screen.getByRole('button', { name }));

describe('PauseDialog', () => {
  it('says how many runs there are, and sends what was chosen', async () => {
    const asked = serve({
      RunCount: counted(3),
      PauseFunction: { data: { pauseFunction: { cancellationID: null } } },
    });
    const onClose = vi.fn();
    show(<PauseDialog fn={FN} onClose={onClose} />);
    expect(await screen.findByText(/3 runs of this function have not ended/)).toBeVisible();
    await userEvent.click(screen.getByRole('radio', { name: /Let them wait/ }));
    await userEvent.click(screen.getByRole('radio', { name: /Hold them/ }));
    await press('Pause');
    await waitFor(() => expect(onClose).toHaveBeenCalled());
    expect(sentBy(asked, 'PauseFunction')).toEqual({
      slug: 'shop-order',
      newRuns: 'WAIT',
      running: 'HOLD',
    });
  });

  it('stays open and says why it was refused', async () => {
    serve({
      RunCount: counted(0),
      PauseFunction: { data: null, errors: [{ message: 'function not found' }] },
    });
    const onClose = vi.fn();
    show(<PauseDialog fn={FN} onClose={onClose} />);
    await screen.findByText(/0 runs/);
    await press('Pause');
    expect(await screen.findByText('function not found')).toBeVisible();
    expect(onClose).not.toHaveBeenCalled();
  });
});

describe('ResumeDialog', () => {
  it('says that skipped runs are not made up for', async () => {
    serve({ RunCount: counted(1) });
    const pause = {
      since: '2026-11-21T09:00:00Z',
      newRuns: 'SKIP',
      running: 'FINISH',
      isDrain: false,
    } as const;
    show(<ResumeDialog fn={{ ...FN, pause }} onClose={() => {}} />);
    expect(await screen.findByText(/not made up for/)).toBeVisible();
    expect(await screen.findByText('1 run is queued.')).toBeVisible();
  });
});

describe('CancelRunsDialog', () => {
  it('cancels nothing where there is nothing', async () => {
    serve({ RunCount: counted(0) });
    show(<CancelRunsDialog fn={FN} onClose={() => {}} />);
    expect(await screen.findByText(/No run is queued or running/)).toBeVisible();
    expect(screen.getByRole('button', { name: 'Cancel these runs' })).toBeDisabled();
  });

  it('sends the condition and the range that was chosen', async () => {
    const asked = serve({
      RunCount: counted(12),
      CancelRunsOfFunction: { data: { createCancellation: { id: 'C' } } },
    });
    const onClose = vi.fn();
    show(<CancelRunsDialog fn={FN} onClose={onClose} />);
    expect(await screen.findByText(/About 12 runs will be cancelled/)).toBeVisible();
    await userEvent.click(screen.getByRole('switch'));
    await userEvent.type(screen.getByLabelText(/Only runs whose event fits/), 'event.data.x == 1');
    await press('Cancel these runs');
    await waitFor(() => expect(onClose).toHaveBeenCalled());
    expect(sentBy(asked, 'CancelRunsOfFunction')?.input).toEqual({
      functionSlug: 'shop-order',
      startedAfter: expect.any(String),
      startedBefore: expect.any(String),
      if: 'event.data.x == 1',
    });
  });
});

describe('ReplayDialog', () => {
  it('replays failed runs unless something else is chosen', async () => {
    const asked = serve({
      RunCount: counted(4),
      CreateReplay: { data: { createReplay: { id: 'R' } } },
    });
    const onClose = vi.fn();
    show(<ReplayDialog fn={FN} onClose={onClose} />);
    await userEvent.click(await screen.findByRole('checkbox', { name: /Cancelled/ }));
    await userEvent.type(screen.getByLabelText(/Runs a second/), '20');
    await press('Replay');
    await waitFor(() => expect(onClose).toHaveBeenCalled());
    expect(sentBy(asked, 'CreateReplay')?.input).toMatchObject({
      statuses: ['Failed', 'Cancelled'],
      ratePerSecond: 20,
    });
  });

  it('wants a status and a sensible rate', async () => {
    serve({ RunCount: counted(4) });
    show(<ReplayDialog fn={FN} onClose={() => {}} />);
    await userEvent.click(await screen.findByRole('checkbox', { name: /Failed/ }));
    expect(screen.getByRole('button', { name: 'Replay' })).toBeDisabled();
    await userEvent.click(screen.getByRole('checkbox', { name: /Failed/ }));
    await userEvent.type(screen.getByLabelText(/Runs a second/), '0');
    expect(screen.getByText(/whole number from 1/)).toBeVisible();
    expect(screen.getByRole('button', { name: 'Replay' })).toBeDisabled();
  });
});

describe('ArchiveDialog', () => {
  it('cancels runs only if that is chosen', async () => {
    const asked = serve({
      RunCount: counted(2),
      RemoveFunction: { data: { removeFunction: { cancellationID: 'C' } } },
    });
    const onClose = vi.fn();
    show(<ArchiveDialog fn={FN} onClose={onClose} />);
    await userEvent.click(await screen.findByRole('radio', { name: /Cancel them/ }));
    await press('Archive and cancel runs');
    await waitFor(() => expect(onClose).toHaveBeenCalled());
    expect(sentBy(asked, 'RemoveFunction')).toEqual({ slug: 'shop-order' });
    expect(sentBy(asked, 'ArchiveFunction')).toBeUndefined();
  });
});

describe('what a replay is asked for with', () => {
  it('reads a rate', () => {
    expect(readRate(' ')).toEqual({ rate: undefined });
    expect(readRate('500')).toEqual({ rate: 500 });
    for (const text of ['0', '1.5', '10001', 'fast']) {
      expect(readRate(text)).toHaveProperty('problem');
    }
  });
  it('names statuses as the server does', () => {
    expect(wireNamesOf(['SKIPPED', 'FAILED'])).toEqual(['Failed', 'Skipped']);
  });
});
