import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { serve, show } from '~/testing/stage';
import InvokeDialog from './InvokeDialog';

function invoking(onClose = () => {}, initialData?: unknown) {
  return show(<InvokeDialog slug="shop-order" initialData={initialData} onClose={onClose} />);
}

const ORDER = {
  name: 'Order',
  triggers: [{ type: 'EVENT' }],
  app: { method: 'SERVE' },
  pause: null,
};
const known = (changes: object = {}) => ({ data: { functionBySlug: { ...ORDER, ...changes } } });

describe('InvokeDialog', () => {
  beforeEach(() => localStorage.clear());

  it('invokes with the data and opens the run', async () => {
    const asked = serve({
      InvokedFunction: known(),
      Invoke: { data: { invoke: { eventID: 'E', runID: 'R' } } },
    });
    const router = invoking(() => {}, { order: 17 });
    await userEvent.click(await screen.findByRole('button', { name: 'Invoke and open the run' }));
    expect(await screen.findByText('Elsewhere')).toBeVisible();
    expect(router.state.location.pathname).toBe('/runs/R');
    expect(asked.at(-1)?.variables).toEqual({ slug: 'shop-order', data: { order: 17 } });
  });

  it('sends no data to a function that only a schedule starts', async () => {
    const asked = serve({
      InvokedFunction: known({ triggers: [{ type: 'CRON' }] }),
      Invoke: { data: { invoke: { eventID: 'E', runID: 'R' } } },
    });
    const onClose = vi.fn();
    invoking(onClose);
    await userEvent.click(await screen.findByRole('button', { name: 'Invoke and stay here' }));
    await waitFor(() => expect(onClose).toHaveBeenCalled());
    expect(asked.at(-1)?.variables.data).toEqual({});
  });

  it('says that a paused function skips the run', async () => {
    serve({ InvokedFunction: known({ pause: { newRuns: 'SKIP' } }) });
    invoking();
    expect(await screen.findByText(/recorded as skipped/)).toBeVisible();
  });

  it('shows why it was refused and stays open', async () => {
    serve({
      InvokedFunction: known(),
      Invoke: { data: null, errors: [{ message: 'function not found' }] },
    });
    const onClose = vi.fn();
    invoking(onClose, {});
    await userEvent.click(await screen.findByRole('button', { name: 'Invoke and stay here' }));
    expect(await screen.findByText('function not found')).toBeVisible();
    expect(onClose).not.toHaveBeenCalled();
  });
});
