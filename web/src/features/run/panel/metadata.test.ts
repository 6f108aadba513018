import { describe, expect, it } from 'vitest';
import { entriesOf, labelOf, shownMetadata } from './metadata';

const entry = (kind: string, values: Record<string, unknown> = {}) => ({
  scope: 'step',
  kind,
  values,
  updatedAt: '2026-11-21T09:00:00Z',
});

describe('shownMetadata', () => {
  it('leaves out what the timeline shows', () => {
    const all = [entry('inngest.timing'), entry('inngest.http.timing'), entry('userland.a')];
    expect(shownMetadata(all).map(({ kind }) => kind)).toEqual(['userland.a']);
  });
});

describe('labelOf', () => {
  it('knows some kinds, and shows others as they are called', () => {
    expect(labelOf('inngest.ai')).toBe('Model');
    expect(labelOf('userland.progress')).toBe('progress');
    expect(labelOf('inngest.new')).toBe('inngest.new');
  });
});

describe('entriesOf', () => {
  it('sorts by name', () => {
    expect(entriesOf(entry('userland.a', { b: 1, a: 2 }))).toEqual([
      ['a', 2],
      ['b', 1],
    ]);
  });

  it('shows scores and sizes plainly', () => {
    expect(entriesOf(entry('inngest.score', { quality: { value: 0.5 } }))).toEqual([
      ['quality', 0.5],
    ]);
    expect(entriesOf(entry('inngest.usage', { metadata_bytes: 53 }))).toEqual([['size', '53 B']]);
  });
});
