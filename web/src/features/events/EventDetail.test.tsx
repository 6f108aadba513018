import { screen } from '@testing-library/react';
import { beforeEach, describe, expect, it } from 'vitest';
import { serve, show } from '~/testing/stage';
import EventDetail from './EventDetail';

const ID = '01M7ZNTVN4FAZ6WZQ7CEK449QQ';
const RUN = '01M7ZNTVP8RK26AJ591ETW5NZE';
const event = (given: object = {}) => ({
  EventDetails: {
    data: {
      eventsByID: [
        {
          id: ID,
          name: 'shop/order',
          receivedAt: '2026-11-21T09:00:00Z',
          occurredAt: '2026-11-21T08:59:00Z',
          idempotencyKey: 'order-17',
          version: null,
          raw: '{"data":{"total":3},"id":"order-17","name":"shop/order"}',
          source: null,
          ...given,
        },
      ],
    },
  },
  FunctionNames: { data: { functionList: { nodes: [{ id: 'f1', slug: 's', name: 'Single' }] } } },
});
const outcomes = (...given: object[]) => ({
  EventOutcomes: {
    data: {
      eventOutcomes: given.map((each) => ({
        functionID: 'f1',
        slug: 'shop-single',
        outcome: 'skipped',
        message: `Was skipped because another run had not ended: ${RUN}`,
        runID: null,
        batchID: null,
        existingRunID: RUN,
        reason: 'singleton',
        detail: null,
        at: null,
        dueAt: null,
        notes: [],
        ...each,
      })),
      eventsByID: [{ runs: [] }],
    },
  },
});

describe('EventDetail', () => {
  beforeEach(() => localStorage.clear());

  it('shows facts, payload, and why a function did not run', async () => {
    serve({ ...event(), ...outcomes({}) });
    show(<EventDetail eventId={ID} />);
    expect(await screen.findByText('order-17')).toBeVisible();
    expect(await screen.findByText('Single')).toBeVisible();
    expect(screen.getByText('Skipped')).toBeVisible();
    expect(screen.getByRole('link', { name: RUN })).toHaveAttribute('href', `/runs/${RUN}`);
  });

  it('says if nobody listens', async () => {
    serve({ ...event(), ...outcomes() });
    show(<EventDetail eventId={ID} />);
    expect(await screen.findByText(/No function listens/)).toBeVisible();
  });

  it('does not ask for what cannot be an id', async () => {
    const asked = serve({});
    show(<EventDetail eventId="NOPE" />);
    expect(await screen.findByText('Event not found')).toBeVisible();
    expect(asked).toEqual([]);
  });

  it('says that an event is gone', async () => {
    serve({ EventDetails: { data: { eventsByID: [] } } });
    show(<EventDetail eventId={ID} />);
    expect(await screen.findByText('Event not found')).toBeVisible();
  });

  it('cannot send an internal event, and leads to its run', async () => {
    const raw = `{"data":{"run_id":"${RUN}","function_id":"shop-ship"},"name":"x"}`;
    serve({ ...event({ name: 'inngest/function.finished', raw }), ...outcomes() });
    show(<EventDetail eventId={ID} isInline />);
    const again = await screen.findByRole('button', { name: 'Send again' });
    expect(again).toBeDisabled();
    expect(again).toHaveAccessibleDescription('Only the server sends these.');
    expect(screen.getByRole('link', { name: RUN })).toHaveAttribute('href', `/runs/${RUN}`);
    expect(screen.getByRole('link', { name: 'shop-ship' })).toBeVisible();
  });
});
