import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';
import { MiniBars } from './MiniBars';
import { TimeChart, type TimeChartProps } from './TimeChart';

const PROPS: TimeChartProps = {
  title: 'Runs',
  kind: 'bars',
  buckets: ['2026-11-21T12:00:00Z', '2026-11-21T13:00:00Z', '2026-11-21T14:00:00Z'],
  bucketMs: 3_600_000,
  series: [
    { name: 'completed', title: 'Completed', values: [4, 0, 2] },
    { name: 'failed', title: 'Failed', values: [1, 0, 0] },
  ],
};

describe('TimeChart', () => {
  it('tells the values of a moment that the arrow keys choose', async () => {
    render(<TimeChart {...PROPS} />);
    const moment = screen.getByRole('slider', { name: 'Runs: moment' });
    moment.focus();
    await userEvent.keyboard('{ArrowRight}');
    expect(moment).toHaveAttribute(
      'aria-valuetext',
      expect.stringContaining('Completed 4, Failed 1'),
    );
    expect(moment).toHaveAttribute('aria-valuetext', expect.stringContaining('Nov 21'));
    await userEvent.keyboard('{End}');
    expect(moment).toHaveAttribute(
      'aria-valuetext',
      expect.stringContaining('Completed 2, Failed 0'),
    );
  });

  it('hides a series from marks and values', async () => {
    render(<TimeChart {...PROPS} />);
    await userEvent.click(screen.getByRole('button', { name: /Failed/ }));
    const moment = screen.getByRole('slider');
    moment.focus();
    await userEvent.keyboard('{Home}');
    expect(moment).toHaveAttribute('aria-valuetext', expect.not.stringContaining('Failed'));
  });

  it('shows all as a table', async () => {
    render(<TimeChart {...PROPS} />);
    await userEvent.click(screen.getByRole('button', { name: 'Runs as a table' }));
    const rows = within(screen.getByRole('table', { name: 'Runs' })).getAllByRole('row');
    expect(rows).toHaveLength(4);
    expect(rows[3]).toHaveTextContent(/41$/);
  });

  it('says that there is nothing', () => {
    render(<TimeChart {...PROPS} series={[{ name: 'a', title: 'A', values: [0, 0, 0] }]} />);
    expect(screen.getByText('Nothing in this range.')).toBeVisible();
    expect(screen.queryByRole('slider')).toBeNull();
  });

  it('shares the moment within a group', async () => {
    render(
      <>
        <TimeChart {...PROPS} group="page" />
        <TimeChart {...PROPS} title="Steps" group="page" />
      </>,
    );
    screen.getByRole('slider', { name: 'Runs: moment' }).focus();
    await userEvent.keyboard('{Home}');
    const other = screen.getByRole('slider', { name: 'Steps: moment' });
    expect(other).toHaveAttribute('aria-valuetext', expect.stringContaining('Completed 4'));
  });
});

describe('MiniBars', () => {
  it('has a text and a bar for every part', () => {
    const stacks = [
      [
        { tone: 'good', count: 3 },
        { tone: 'bad', count: 1 },
      ],
      [],
    ] as const;
    render(<MiniBars label="4 runs, 1 failed" stacks={stacks.map((stack) => [...stack])} />);
    const picture = screen.getByRole('img', { name: '4 runs, 1 failed' });
    expect(picture.querySelectorAll('rect')).toHaveLength(3);
  });
});
