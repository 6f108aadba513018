import { useMemo } from 'react';
import { config, serverUrl } from '~/lib/config';
import { CodeBlock } from '~/ui/code/CodeBlock';
import type { DraftCheck } from './draft';
import { type Destination, type SnippetKind, snippet } from './snippets';

const TITLES: Record<SnippetKind, string> = {
  typescript: 'TypeScript SDK',
  python: 'Python SDK',
  curl: 'Command line',
};
const FILES: Record<SnippetKind, string> = {
  typescript: 'send-event.ts',
  python: 'send_event.py',
  curl: 'send-event.sh',
};

/** This server, for programs elsewhere. */
export function destination(): Destination {
  return { origin: serverUrl('').replace(/\/$/, ''), needsKey: config.mode === 'start' };
}

/** A program that sends the same. */
export function EventSnippet(props: { kind: SnippetKind; check: DraftCheck; text: string }) {
  const { kind, check, text } = props;
  const program = useMemo(
    () => (check.draft ? snippet(kind, text, destination()) : null),
    [kind, check, text],
  );
  if (program === null) {
    return (
      <p className="px-4 py-8 text-center text-ink-soft">
        There is no program for this yet. {check.problem}
      </p>
    );
  }
  return <CodeBlock title={TITLES[kind]} text={program} language="text" fileName={FILES[kind]} />;
}
