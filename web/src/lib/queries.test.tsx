import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, render, renderHook, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { graphql } from './graphql';
import { keyOf, useGathered, useLiveQuery } from './queries';
import { RequestError, request } from './request';

const DepthQuery = graphql(`query Depth { server { queueDepth } }`);

function answer(body: unknown, status = 200): Response {
  return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status });
}

describe('request', () => {
  const fetched = vi.fn<typeof fetch>();
  beforeEach(() => vi.stubGlobal('fetch', fetched));
  afterEach(() => vi.unstubAllGlobals());

  it('gives the data', async () => {
    fetched.mockResolvedValue(answer({ data: { server: { queueDepth: 3 } } }));
    await expect(request(DepthQuery, {})).resolves.toEqual({ server: { queueDepth: 3 } });
  });

  it.each([
    ['refused', answer({ errors: [{ message: 'no', extensions: { code: 'x' } }], data: null })],
    ['unauthorized', answer('Authentication failed', 401)],
    ['unreachable', answer('<html>bad gateway</html>', 502)],
    ['refused', answer('<html>teapot</html>', 418)],
    ['refused', answer('{}', 200)],
  ])('says %s', async (trouble, response) => {
    fetched.mockResolvedValue(response);
    await expect(request(DepthQuery, {})).rejects.toMatchObject({ trouble });
  });

  it('says that nobody answers', async () => {
    fetched.mockRejectedValue(new TypeError('Failed to fetch'));
    const failure = await request(DepthQuery, {}).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RequestError);
    expect(failure).toMatchObject({ trouble: 'unreachable' });
  });
});

describe('useLiveQuery', () => {
  afterEach(() => vi.unstubAllGlobals());

  it('shows the answer, and the error of a failed question', async () => {
    const fetched = vi.fn<typeof fetch>(async () =>
      answer({ data: { server: { queueDepth: 7 } } }),
    );
    vi.stubGlobal('fetch', fetched);
    const client = new QueryClient();
    function Depth() {
      const { data, error } = useLiveQuery(DepthQuery, {});
      return <p>{error?.message ?? data?.server.queueDepth ?? 'loading'}</p>;
    }
    render(
      <QueryClientProvider client={client}>
        <Depth />
      </QueryClientProvider>,
    );
    expect(screen.getByText('loading')).toBeVisible();
    expect(await screen.findByText('7')).toBeVisible();
    expect(client.getQueryData(keyOf(DepthQuery, {}))).toEqual({ server: { queueDepth: 7 } });
  });
});

describe('useGathered', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('acts at once, and once more for all calls during the pause', () => {
    const action = vi.fn();
    const { result, unmount } = renderHook(() => useGathered(action, 300));
    act(() => {
      result.current();
      result.current();
      result.current();
    });
    expect(action).toHaveBeenCalledTimes(1);
    act(() => void vi.advanceTimersByTime(300));
    expect(action).toHaveBeenCalledTimes(2);
    act(() => void vi.advanceTimersByTime(600));
    expect(action).toHaveBeenCalledTimes(2);
    act(() => result.current());
    unmount();
    expect(vi.getTimerCount()).toBe(0);
  });
});
