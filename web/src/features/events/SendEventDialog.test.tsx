import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { serve, show } from '~/testing/stage';
import SendEventDialog from './SendEventDialog';

const ID = '01M7ZNTVN4FAZ6WZQ7CEK449QQ';
const TEXT = '{ "name": "shop/order", "data": { "id": 12345678901234567890, "price": 1.10 } }';
const ANSWERS = {
  EventTemplates: {
    data: {
      eventTypes: [{ name: 'shop/cart', lastEventID: ID }],
      functionList: {
        nodes: [{ triggers: [{ type: 'EVENT', value: 'shop/never' }] }, { triggers: null }],
      },
    },
  },
  LastPayload: {
    data: { eventsByID: [{ raw: `{"data":{"n":1},"id":"x","name":"shop/cart","ts":1}` }] },
  },
  SendEvents: { data: { sendEvents: [ID] } },
  FunctionNames: { data: { functionList: { nodes: [] } } },
  EventOutcomes: {
    data: {
      eventOutcomes: [
        {
          functionID: 'f1',
          slug: 'shop-ship',
          outcome: 'rate_limited',
          message: 'Was dropped by the rate limit',
          runID: null,
          batchID: null,
          existingRunID: null,
          reason: 'rate_limited',
          detail: 'c1',
          at: null,
          dueAt: null,
          notes: [],
        },
      ],
      eventsByID: [{ runs: [] }],
    },
  },
};
const send = () => userEvent.click(screen.getByRole('button', { name: /^Send/ }));

describe('SendEventDialog', () => {
  beforeEach(() => localStorage.clear());

  it('sends the very text and shows what became of it', async () => {
    const asked = serve(ANSWERS);
    show(<SendEventDialog initial={TEXT} onClose={() => {}} />);
    await screen.findByText('shop/cart');
    await send();
    expect(await screen.findByText('The event was sent')).toBeVisible();
    const sent = asked.find(({ name }) => name === 'SendEvents');
    expect(sent?.body).toContain(`"variables":{"events":[${TEXT}]}`);
    expect(await screen.findByText('Rate limited')).toBeVisible();
    expect(screen.getByText('Was dropped by the rate limit')).toBeVisible();
    expect(screen.getByRole('link', { name: ID })).toHaveAttribute('href', `/events/${ID}`);
  });

  it('sends nothing that is not an event, and says why', async () => {
    const asked = serve(ANSWERS);
    show(<SendEventDialog initial={'{"name": "a",\n "data": {},}'} onClose={() => {}} />);
    await screen.findByText('shop/cart');
    await send();
    expect(screen.getByRole('alert')).toHaveTextContent(
      'Nothing was sentLine 2, column 13: Remove the comma before this bracket.',
    );
    expect(asked.some(({ name }) => name === 'SendEvents')).toBe(false);
  });

  it('stays open with the error if the server refuses', async () => {
    serve({ ...ANSWERS, SendEvents: { data: null, errors: [{ message: 'timestamp is odd' }] } });
    const onClose = vi.fn();
    show(<SendEventDialog initial={TEXT} onClose={onClose} />);
    await screen.findByText('shop/cart');
    await send();
    expect(await screen.findByText('timestamp is odd')).toBeVisible();
    expect(screen.getByRole('button', { name: 'Send event' })).toBeEnabled();
    expect(onClose).not.toHaveBeenCalled();
  });

  it('remembers what was sent, to be chosen and forgotten', async () => {
    serve(ANSWERS);
    show(<SendEventDialog initial={TEXT} onClose={() => {}} />);
    await screen.findByText('shop/cart');
    await send();
    await userEvent.click(await screen.findByRole('button', { name: 'Send another' }));
    const history = screen.getByRole('region', { name: 'Sent from here' });
    expect(within(history).getByRole('button', { name: /^shop\/order/ })).toBeVisible();
    await userEvent.click(within(history).getByRole('button', { name: 'Forget shop/order' }));
    expect(within(history).queryByRole('button')).toBeNull();
    expect(localStorage.getItem('stepwell.events.sent')).toBe('[]');
  });

  it('begins with the last event of a type, or with the name that a function listens to', async () => {
    const asked = serve(ANSWERS);
    show(<SendEventDialog onClose={() => {}} />);
    await userEvent.click(await screen.findByRole('button', { name: 'shop/cart' }));
    await waitFor(() => expect(asked.some(({ name }) => name === 'LastPayload')).toBe(true));
    await waitFor(() =>
      expect(localStorage.getItem('stepwell.events.draft')).toContain('shop/cart'),
    );
    await send();
    const last = () => asked.filter(({ name }) => name === 'SendEvents').at(-1)?.variables;
    await waitFor(() =>
      expect(last()).toEqual({ events: [{ name: 'shop/cart', data: { n: 1 } }] }),
    );
    await userEvent.click(await screen.findByRole('button', { name: 'Send another' }));
    await userEvent.click(await screen.findByRole('button', { name: 'shop/never' }));
    await send();
    await waitFor(() => expect(last()).toEqual({ events: [{ name: 'shop/never', data: {} }] }));
  });

  it('shows programs that send the same', async () => {
    serve(ANSWERS);
    show(<SendEventDialog initial={TEXT} onClose={() => {}} />);
    await userEvent.click(await screen.findByRole('tab', { name: 'cURL' }));
    expect(await screen.findByText(/curl -X POST/)).toBeVisible();
    await userEvent.click(screen.getByRole('tab', { name: 'Python' }));
    expect(await screen.findByText(/inngest\.Event/)).toBeVisible();
  });
});
