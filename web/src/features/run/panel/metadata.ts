import { formatBytes } from '~/lib/bytes';
import type { SpanMetadata } from '../queries';

/** Shown by the timeline, or in tabs of their own. */
const ELSEWHERE = new Set(['inngest.timing', 'inngest.http.timing', 'inngest.response_headers']);

const LABELS: Record<string, string> = {
  'inngest.ai': 'Model',
  'inngest.http': 'HTTP',
  'inngest.experiment': 'Experiment',
  'inngest.score': 'Scores',
  'inngest.warnings': 'Warnings',
  'inngest.usage': 'Stored metadata',
  'userland.default': 'Notes of the app',
};

/** What is shown as metadata, models first. */
export function shownMetadata(metadata: readonly SpanMetadata[]): SpanMetadata[] {
  return metadata.filter(({ kind }) => kind !== '' && !ELSEWHERE.has(kind));
}

export function labelOf(kind: string): string {
  const known = LABELS[kind];
  if (known) return known;
  return kind.startsWith('userland.') ? kind.slice('userland.'.length) : kind;
}

/** Names and values in the order in which they are read. */
export function entriesOf(entry: SpanMetadata): [string, unknown][] {
  const entries = Object.entries(entry.values).sort(([a], [b]) => a.localeCompare(b));
  if (entry.kind === 'inngest.score') return entries.map(([name, value]) => [name, scoreOf(value)]);
  if (entry.kind === 'inngest.usage') return entries.map(([name, value]) => sizeEntry(name, value));
  return entries;
}

function scoreOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'value' in value ? value.value : value;
}

function sizeEntry(name: string, value: unknown): [string, unknown] {
  if (name !== 'metadata_bytes' || typeof value !== 'number') return [name, value];
  return ['size', formatBytes(value)];
}
