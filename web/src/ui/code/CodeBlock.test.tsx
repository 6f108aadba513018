import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';
import { CodeBlock } from './CodeBlock';

beforeEach(() => localStorage.clear());

test('sets JSON out and colours it', () => {
  const { container } = render(<CodeBlock title="Output" text='{"id":12345678901234567890}' />);
  expect(container.querySelector('code')).toHaveTextContent('{ "id": 12345678901234567890 }');
  expect(container.querySelectorAll('code span')).toHaveLength(2);
});

test('shows a text that is not JSON as it is', () => {
  const { container } = render(<CodeBlock title="Stack" text={'Error: no\n  at x'} />);
  expect(container.querySelector('code')?.textContent).toBe('Error: no\n  at x');
});

test('says that there is nothing', () => {
  render(<CodeBlock title="Output" text="" />);
  expect(screen.getByText('Empty')).toBeVisible();
});

test('remembers whether lines are wrapped', async () => {
  const { unmount } = render(<CodeBlock title="Output" text="{}" />);
  await userEvent.click(screen.getByRole('button', { name: 'Wrap long lines' }));
  unmount();
  render(<CodeBlock title="Output" text="{}" />);
  expect(screen.getByRole('button', { name: 'Do not wrap long lines' })).toHaveAttribute(
    'aria-pressed',
    'true',
  );
});

test('copies what is shown', async () => {
  const user = userEvent.setup();
  render(<CodeBlock title="Output" text='{"a":1}' />);
  await user.click(screen.getByRole('button', { name: 'Copy' }));
  expect(await navigator.clipboard.readText()).toBe('{\n  "a": 1\n}');
});

test('does not draw what is too large, and offers its beginning and a download', async () => {
  const saved: Blob[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => {});
  vi.stubGlobal(
    'URL',
    Object.assign(URL, {
      createObjectURL: (blob: Blob) => {
        saved.push(blob);
        return 'blob:text';
      },
      revokeObjectURL: () => {},
    }),
  );
  const text = `"${'ü'.repeat(2_050_000)}"`;
  render(<CodeBlock title="Output" text={text} fileName="output.json" />);
  expect(screen.getByText('4.1 MB: too large to show here.')).toBeVisible();
  await userEvent.click(screen.getByRole('button', { name: 'Download' }));
  expect(saved.map(({ size }) => size)).toEqual([4_100_002]);
  await userEvent.click(screen.getByRole('button', { name: 'Show the beginning' }));
  expect(screen.getByText(/^The beginning of 4.1 MB/)).toBeVisible();
});
