import { render, screen, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Span } from '../queries';
import { stubBrowser } from '../testing/browser';
import { runOf, stepOf, userSpanOf } from '../testing/spans';
import { arrange } from './arrange';
import { Timeline } from './Timeline';

const QUERY = userSpanOf('query', { queued: 2, duration: 3 });
const SPANS = [
  stepOf('load', { queued: 0, ended: 10, childrenSpans: [QUERY] }),
  stepOf('left', { queued: 10, ended: 500, status: 'FAILED' }),
  stepOf('right', { queued: 10, ended: 600 }),
];

function Example({ spans }: { spans: Span[] }) {
  const [selected, setSelected] = useState('run');
  return (
    <>
      <Timeline root={arrange(runOf(spans))} selected={selected} onSelect={setSelected} />
      <output>{selected}</output>
    </>
  );
}

const rows = () => screen.getAllByRole('row');
const row = (name: RegExp | string) => screen.getByRole('row', { name });
const level = (element: HTMLElement) => element.getAttribute('aria-level');

beforeEach(() => {
  localStorage.clear();
  stubBrowser();
});

describe('rows', () => {
  it('say where they are in the tree, and how each step went', () => {
    render(<Example spans={SPANS} />);
    expect(rows().map(level)).toEqual(['1', '2', '2', '2']);
    expect(row(/load/)).toHaveAttribute('aria-expanded', 'false');
    expect(row(/right/)).not.toHaveAttribute('aria-expanded');
    expect(row(/right/)).toHaveAttribute('aria-posinset', '3');
    expect(row(/left/)).toHaveTextContent('Failed');
    expect(row(/left/)).toHaveTextContent('490 ms');
    expect(row(/Run/)).toHaveAttribute('aria-selected', 'true');
  });

  it('say that steps went on at the same time', () => {
    render(<Example spans={SPANS} />);
    expect(row(/left/)).toHaveTextContent('2 in parallel');
  });

  it('are selected by a click, and opened by their arrow', async () => {
    const user = userEvent.setup();
    render(<Example spans={SPANS} />);
    await user.click(screen.getByText('right'));
    expect(screen.getByRole('status')).toHaveTextContent('id of right');
    await user.click(within(row(/load/)).getByRole('button', { name: 'Expand' }));
    expect(row(/query/)).toHaveAttribute('aria-level', '3');
    expect(screen.getByRole('status')).toHaveTextContent('id of right');
  });

  it('are few in the page, however many there are', () => {
    const many = Array.from({ length: 10_000 }, (_, i) => stepOf(`step ${i}`, { ended: 1 }));
    render(<Example spans={many} />);
    expect(screen.getByRole('treegrid')).toHaveAttribute('aria-rowcount', '10001');
    expect(rows().length).toBeLessThan(60);
  });
});

describe('keys', () => {
  it('move, open, close and select', async () => {
    const user = userEvent.setup();
    render(<Example spans={SPANS} />);
    row(/Run/).focus();
    await user.keyboard('{ArrowDown}');
    expect(row(/load/)).toHaveFocus();
    await user.keyboard('{ArrowRight}');
    expect(row(/load/)).toHaveAttribute('aria-expanded', 'true');
    await user.keyboard('{ArrowRight}');
    expect(row(/query/)).toHaveFocus();
    await user.keyboard('{ArrowLeft}{ArrowLeft}');
    expect(row(/load/)).toHaveFocus();
    expect(row(/load/)).toHaveAttribute('aria-expanded', 'false');
    await user.keyboard('{End}{Enter}');
    expect(row(/right/)).toHaveFocus();
    expect(row(/right/)).toHaveAttribute('aria-selected', 'true');
  });

  it('open everything with *', async () => {
    const user = userEvent.setup();
    render(<Example spans={SPANS} />);
    row(/Run/).focus();
    await user.keyboard('*');
    expect(rows().map(level)).toEqual(['1', '2', '3', '2', '2']);
    await user.click(screen.getByRole('button', { name: 'Collapse all' }));
    expect(rows()).toHaveLength(4);
  });

  it('lead to one row only', () => {
    render(<Example spans={SPANS} />);
    expect(rows().map((each) => each.tabIndex)).toEqual([0, -1, -1, -1]);
  });
});

describe('zoom', () => {
  it('narrows with the arrow keys, and is given up again', async () => {
    const user = userEvent.setup();
    render(<Example spans={SPANS} />);
    const begin = screen.getByRole('slider', { name: /Begin/ });
    begin.focus();
    await user.keyboard('{Shift>}{ArrowRight}{ArrowRight}{/Shift}');
    expect(begin).toHaveAttribute('aria-valuenow', '20');
    expect(begin).toHaveAttribute('aria-valuetext', '200 ms');
    await user.click(screen.getByRole('button', { name: 'Show the whole run' }));
    expect(begin).toHaveAttribute('aria-valuenow', '0');
  });
});

describe('the filter', () => {
  it('is there for long runs, and finds steps by their names', async () => {
    const user = userEvent.setup();
    const many = Array.from({ length: 30 }, (_, i) => stepOf(`page ${i}`, { ended: 1 }));
    render(<Example spans={[...many, stepOf('cover', { ended: 1 })]} />);
    await user.type(screen.getByRole('searchbox'), 'COV');
    expect(rows().map((each) => level(each))).toEqual(['1', '2']);
    expect(row(/cover/)).toBeVisible();
  });
});
