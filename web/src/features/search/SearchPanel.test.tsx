import { screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RequestError } from '~/lib/request';
import { serve, show } from '~/testing/stage';
import { SearchPanel } from './SearchPanel';

/** Whatever mentions "broken" cannot be understood. */
function shown(value: string | undefined, error: Error | null = null) {
  const asked = serve({
    CheckSearch: ({ query }) => {
      const isValid = !String(query).includes('broken');
      const message = isValid ? null : 'there is no such word';
      return { data: { checkSearch: { isValid, message, line: 1, column: 1 } } };
    },
  });
  const onSearch = vi.fn();
  show(
    <SearchPanel
      subject="RUNS"
      value={value}
      onSearch={onSearch}
      isSearching={false}
      error={error}
      takesFocus={false}
    />,
  );
  return { asked, onSearch };
}

afterEach(() => vi.unstubAllGlobals());

describe('SearchPanel', () => {
  it('says where a search is wrong, and does not begin it', async () => {
    const { onSearch } = shown('broken == 1');
    expect(await screen.findByRole('alert')).toHaveTextContent(
      'Line 1, column 1: there is no such word',
    );
    await userEvent.click(screen.getByRole('button', { name: 'Search' }));
    expect(onSearch).not.toHaveBeenCalled();
  });

  it('begins a search that the server understands', async () => {
    const { asked, onSearch } = shown('output == 1\n\nerror == null');
    await userEvent.click(await screen.findByRole('button', { name: 'Search' }));
    await waitFor(() => expect(onSearch).toHaveBeenCalledWith('output == 1\nerror == null'));
    expect(asked[0]?.variables).toMatchObject({ over: 'RUNS' });
  });

  it('takes the search back', async () => {
    const { onSearch } = shown('output == 1');
    await userEvent.click(await screen.findByRole('button', { name: 'Reset' }));
    expect(onSearch).toHaveBeenCalledWith(undefined);
  });

  it('shows what the list was refused for', async () => {
    const details = { reason: 'too long', line: 1 };
    shown('output == 1', new RequestError('refused', 'error', 'SEARCH_INVALID', details));
    expect(await screen.findByRole('alert')).toHaveTextContent('Line 1: too long');
  });
});
