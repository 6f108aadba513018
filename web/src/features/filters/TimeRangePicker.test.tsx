import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';
import { TimeRangePicker } from './TimeRangePicker';

function shown(minimumMs?: number) {
  const onChange = vi.fn();
  render(
    <TimeRangePicker
      range={{ kind: 'last', duration: '1d' }}
      onChange={onChange}
      {...(minimumMs === undefined ? {} : { minimumMs })}
    />,
  );
  return onChange;
}

async function open() {
  await userEvent.click(screen.getByRole('button', { name: /Last 1 day/ }));
  await screen.findByRole('dialog', { name: 'Time range' });
}

describe('TimeRangePicker', () => {
  it('chooses a preset and closes', async () => {
    const onChange = shown();
    await open();
    expect(screen.getByRole('button', { name: '1 day' })).toHaveAttribute('aria-pressed', 'true');
    await userEvent.click(screen.getByRole('button', { name: '7 days' }));
    expect(onChange).toHaveBeenCalledWith({ kind: 'last', duration: '7d' });
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('takes any length that is typed, and says what is wrong with others', async () => {
    const onChange = shown();
    await open();
    const field = screen.getByLabelText('The last');
    await userEvent.clear(field);
    await userEvent.type(field, 'soon{Enter}');
    expect(screen.getByRole('alert')).toHaveTextContent('a number and a unit');
    expect(onChange).not.toHaveBeenCalled();
    await userEvent.clear(field);
    await userEvent.type(field, '90 minutes{Enter}');
    expect(onChange).toHaveBeenCalledWith({ kind: 'last', duration: '90m' });
  });

  it('offers nothing shorter than the page can show', async () => {
    const onChange = shown(3_600_000);
    await open();
    expect(screen.queryByRole('button', { name: '30 minutes' })).toBeNull();
    const field = screen.getByLabelText('The last');
    await userEvent.clear(field);
    await userEvent.type(field, '5m{Enter}');
    expect(screen.getByRole('alert')).toHaveTextContent('At least 1 h');
    expect(onChange).not.toHaveBeenCalled();
  });
});
