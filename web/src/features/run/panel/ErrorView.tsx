import { CodeBlock } from '~/ui/code/CodeBlock';
import type { SpanError } from '../queries';
import { causeText, errorTitle } from './error-text';

/** What went wrong: the message, where in the code, and what caused it. */
export function ErrorView({ error }: { error: SpanError }) {
  const cause = causeText(error.cause);
  const title = errorTitle(error);
  return (
    <div className="flex flex-col gap-3">
      <div className="rounded-md bg-bad-soft px-3 py-2.5 text-bad-ink">
        {error.name && error.name !== title && <p className="font-mono text-xs">{error.name}</p>}
        <p className="max-h-48 overflow-y-auto whitespace-pre-wrap break-words font-medium">
          {title}
        </p>
      </div>
      {error.stack && (
        <CodeBlock title="Stack" text={error.stack} language="text" isError fileName="stack.txt" />
      )}
      {cause && (
        <CodeBlock
          title="Cause"
          text={cause.text}
          language={cause.language}
          isError
          fileName="cause.json"
        />
      )}
    </div>
  );
}
