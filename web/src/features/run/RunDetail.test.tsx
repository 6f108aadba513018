import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it } from 'vitest';
import { type Asked, serve, show } from '~/testing/stage';
import RunDetail from './RunDetail';
import { answersOf, RUN_ID } from './testing/answers';
import { stubBrowser } from './testing/browser';
import { spanOf, stepOf } from './testing/spans';

const OTHER_ID = '01M7ZNN07MHCHD7KYMAWR9MG99';

beforeEach(() => {
  localStorage.clear();
  stubBrowser();
});

const detail = <RunDetail runId={RUN_ID} isInline />;
const refused = (message: string, code = 'refused') => ({
  data: null,
  errors: [{ message, extensions: { code } }],
});
const sent = (asked: Asked[], name: string) =>
  asked.filter((each) => each.name === name).map(({ variables }) => variables);

describe('a run', () => {
  it('that there is not is said to be missing', async () => {
    serve({ ...answersOf(), Run: { data: { run: null } } });
    show(detail);
    expect(await screen.findByText('Run not found')).toBeVisible();
  });

  it('that cannot be loaded can be tried again', async () => {
    let failures = 1;
    const found = answersOf();
    serve({ ...found, Run: () => (failures-- > 0 ? refused('The store is closed') : found.Run) });
    show(detail);
    expect(await screen.findByText('The store is closed')).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    expect(await screen.findByText('Process order')).toBeVisible();
  });

  it('shows what started it and what it came to', async () => {
    serve(answersOf());
    show(detail);
    expect(await screen.findByText('order/created')).toBeVisible();
    expect(await screen.findByRole('tab', { name: 'Output', selected: true })).toBeVisible();
    expect(screen.getByText('"output of the run"')).toBeVisible();
  });

  it('that waits to start says why', async () => {
    const message = 'Waits for concurrency: 1 call at a time';
    serve(
      answersOf({
        run: { status: 'QUEUED', startedAt: null, endedAt: null },
        spans: [],
        root: { status: 'QUEUED', started: null, ended: null },
        waiting: [{ message, constraint: 'key_concurrency', limit: 1, inUse: 1, ahead: 2 }],
      }),
    );
    show(detail);
    expect(await screen.findByText(`${message}.`)).toBeVisible();
    expect(screen.getByText('1 of 1 in use')).toBeVisible();
    expect(screen.getByText('2 before it')).toBeVisible();
  });

  it('that goes on says if a step of it is held up', async () => {
    serve(
      answersOf({
        run: { status: 'RUNNING', endedAt: null },
        spans: [stepOf('load', { status: 'QUEUED', started: null })],
        root: { status: 'RUNNING', ended: null },
        waiting: [{ message: 'Waits for the throttle', constraint: 'throttle' }],
      }),
    );
    show(detail);
    expect(await screen.findByText('A step is held up')).toBeVisible();
  });

  it('that was cancelled says why', async () => {
    serve(answersOf({ run: { status: 'CANCELLED', cancelReason: 'finish_timeout' } }));
    show(detail);
    expect(await screen.findByText(/did not finish within the time/)).toBeVisible();
  });

  it('that was skipped says why, and because of which run', async () => {
    serve(
      answersOf({
        run: { status: 'SKIPPED', skipReason: 'singleton', skipExistingRunID: OTHER_ID },
        spans: [],
        root: { status: 'SKIPPED', started: null },
      }),
    );
    show(detail);
    expect(await screen.findByText(/one run at a time/)).toBeVisible();
    const link = screen.getByRole('link', { name: 'Show that run' });
    expect(link).toHaveAttribute('href', `/runs/${OTHER_ID}`);
  });

  it('says that its steps were deleted', async () => {
    serve(answersOf({ spans: [] }));
    show(detail);
    expect(await screen.findByText('Its steps are gone')).toBeVisible();
  });
});

describe('a step', () => {
  const failed = {
    message: 'Card refused',
    name: 'PaymentError',
    stack: 'PaymentError: Card refused\n  at charge',
    cause: { message: 'no money' },
  };

  it('shows its error with stack and cause', async () => {
    serve(
      answersOf({
        spans: [stepOf('charge', { ended: 10, status: 'FAILED' })],
        outputs: { 'output of charge': { data: null, error: failed } },
      }),
    );
    show(detail);
    await userEvent.click(await screen.findByText('charge'));
    expect(await screen.findByText('Card refused')).toBeVisible();
    expect(screen.getByText('PaymentError')).toBeVisible();
    expect(screen.getByText(/at charge/)).toBeVisible();
    expect(screen.getByText('no money')).toBeVisible();
  });

  it('keeps the tab that was chosen for the next one', async () => {
    serve(
      answersOf({
        spans: [
          stepOf('a', { ended: 10, outputID: 'a' }),
          stepOf('b', { queued: 10, ended: 20, outputID: 'b' }),
        ],
        outputs: { a: { input: '["from a"]' }, b: { input: '["from b"]' } },
      }),
    );
    show(detail);
    await userEvent.click(await screen.findByText('a'));
    await userEvent.click(await screen.findByRole('tab', { name: 'Input' }));
    await userEvent.click(screen.getByText('b'));
    expect(await screen.findByText('"from b"')).toBeVisible();
    expect(screen.getByRole('tab', { name: 'Input' })).toHaveAttribute('aria-selected', 'true');
  });

  it('can be selected from outside, and leads back to the run', async () => {
    serve(answersOf());
    const selected: unknown[] = [];
    show(
      <RunDetail
        runId={RUN_ID}
        selection={{ step: 'id of load' }}
        onSelect={(selection) => selected.push(selection)}
      />,
    );
    expect(await screen.findByRole('heading', { name: 'load' })).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: 'Back to the run' }));
    expect(selected).toEqual([{ step: undefined }]);
  });

  it('that is selected but gone leaves the run selected', async () => {
    serve(answersOf());
    show(<RunDetail runId={RUN_ID} selection={{ step: 'gone' }} onSelect={() => {}} />);
    expect(await screen.findByRole('heading', { name: 'Started by' })).toBeVisible();
  });

  it('that was invoked leads to its run', async () => {
    const stepInfo = {
      __typename: 'InvokeStepInfo' as const,
      triggeringEventID: OTHER_ID,
      functionID: 'shop-receipt',
      invokeTimeout: '2026-11-22T09:00:00Z',
      returnEventID: null,
      runID: OTHER_ID,
      invokeTimedOut: false,
    };
    serve(answersOf({ spans: [stepOf('receipt', { ended: 10, stepOp: 'INVOKE', stepInfo })] }));
    show(detail);
    await userEvent.click(await screen.findByText('receipt'));
    const panel = screen.getByRole('region', { name: 'Step receipt' });
    const links = within(panel).getAllByRole('link');
    expect(links.map((link) => link.getAttribute('href'))).toContain(`/runs/${OTHER_ID}`);
    expect(within(panel).getByText('It returned')).toBeVisible();
  });

  it('shows which model it called, and what that took', async () => {
    const values = {
      request_model: 'gpt-4o-mini',
      input_tokens: 812,
      output_tokens: 64,
      estimated_cost: 0.00016,
    };
    const noted = [
      { scope: 'step', kind: 'inngest.ai', values, updatedAt: '2026-11-21T09:00:00Z' },
    ];
    serve(
      answersOf({ spans: [stepOf('ask', { ended: 10, stepOp: 'AI_GATEWAY', metadata: noted })] }),
    );
    show(detail);
    expect(await screen.findByText(/1 call · 812 tokens in · 64 tokens out/)).toBeVisible();
    await userEvent.click(screen.getByText('ask'));
    await userEvent.click(await screen.findByRole('tab', { name: 'Metadata' }));
    const metadata = screen.getByRole('tabpanel', { name: 'Metadata' });
    expect(within(metadata).getByText('gpt-4o-mini')).toBeVisible();
    expect(within(metadata).getByText('$0.00016 (estimated)')).toBeVisible();
  });
});

describe('actions', () => {
  it('cancel a run once that is confirmed', async () => {
    const asked = serve({
      ...answersOf({
        run: { status: 'RUNNING', endedAt: null },
        spans: [spanOf({ name: 'Execution' })],
        root: { status: 'RUNNING', ended: null },
      }),
      CancelRun: { data: { cancelRun: { id: RUN_ID } } },
    });
    show(detail);
    await userEvent.click(await screen.findByRole('button', { name: 'Cancel' }));
    expect(sent(asked, 'CancelRun')).toEqual([]);
    await userEvent.click(screen.getByRole('button', { name: 'Cancel the run' }));
    await waitFor(() => expect(sent(asked, 'CancelRun')).toEqual([{ runID: RUN_ID }]));
  });

  it('do not offer to cancel what has ended', async () => {
    serve(answersOf());
    show(detail);
    expect(await screen.findByRole('button', { name: 'Cancel' })).toBeDisabled();
  });

  it('copy a link to the step and the tab that are shown', async () => {
    const user = userEvent.setup();
    serve(answersOf());
    show(detail);
    await user.click(await screen.findByText('load'));
    await user.click(screen.getByRole('button', { name: 'Copy a link to what is shown' }));
    const copied = new URL(await navigator.clipboard.readText());
    expect(copied.pathname).toBe(`/runs/${RUN_ID}`);
    expect(copied.searchParams.get('step')).toBe('id of load');
  });

  it('run it again', async () => {
    const asked = serve({ ...answersOf(), Rerun: { data: { rerun: OTHER_ID } } });
    show(detail);
    await userEvent.click(await screen.findByRole('button', { name: 'Rerun' }));
    await waitFor(() => expect(sent(asked, 'Rerun')).toEqual([{ runID: RUN_ID }]));
  });

  it('are not offered for runs that their own callers call', async () => {
    const app = { id: 'app', name: 'shop', externalID: 'shop', method: 'API' as const };
    serve(answersOf({ run: { app } }));
    show(detail);
    await screen.findByText('Process order');
    expect(screen.queryByRole('button', { name: 'Rerun' })).not.toBeInTheDocument();
  });

  it('run it again from a step, and lead to the new run', async () => {
    const asked = serve({
      ...answersOf({ outputs: { 'output of load': { input: '[7]' } } }),
      Rerun: { data: { rerun: OTHER_ID } },
    });
    const router = show(detail);
    await userEvent.click(await screen.findByText('load'));
    await userEvent.click(await screen.findByRole('button', { name: 'Rerun from here…' }));
    await userEvent.click(await screen.findByRole('button', { name: 'Rerun from here' }));
    await screen.findByText('Elsewhere');
    expect(router.state.location.pathname).toBe(`/runs/${OTHER_ID}`);
    const [{ fromStep }] = sent(asked, 'Rerun') as [{ fromStep: Record<string, string> }];
    expect(fromStep.stepID).toBe('id of load');
    expect(JSON.parse(fromStep.input ?? '')).toEqual([7]);
  });

  it('show beside the input what the server refuses', async () => {
    serve({ ...answersOf(), Rerun: refused('This app takes no edited input') });
    show(detail);
    await userEvent.click(await screen.findByText('load'));
    await userEvent.click(await screen.findByRole('button', { name: 'Rerun from here…' }));
    await userEvent.click(await screen.findByRole('button', { name: 'Rerun from here' }));
    expect(await screen.findByText('This app takes no edited input')).toBeVisible();
  });
});
