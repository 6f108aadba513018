import { screen } from '@testing-library/react';
import { expect, it } from 'vitest';
import { show } from '~/testing/stage';
import { failedFirst, RunPills } from './RunPills';

const run = (id: string, name: string, status = 'COMPLETED') => ({
  id,
  status,
  function: { name },
});

it('shows what failed first, then by name', () => {
  const runs = [run('3', 'b'), run('2', 'a'), run('1', 'c', 'FAILED')];
  expect(failedFirst(runs).map(({ id }) => id)).toEqual(['1', '2', '3']);
});

it('shows two as links with their status in words, and counts the others', async () => {
  show(<RunPills runs={['a', 'b', 'c', 'd'].map((name) => run(name, name))} />);
  expect(await screen.findAllByRole('link')).toHaveLength(2);
  expect(screen.getByRole('link', { name: 'a: Completed' })).toHaveAttribute('href', '/runs/a');
  expect(screen.getByText('+2')).toHaveAttribute('title', 'c: Completed\nd: Completed');
});

it('says that there are none', async () => {
  show(<RunPills runs={[]} />);
  expect(await screen.findByText('No functions')).toBeVisible();
});
