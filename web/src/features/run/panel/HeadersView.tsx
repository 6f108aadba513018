import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import type { SpanDetails } from '../queries';
import { useSpanDetails } from '../useRun';
import { attributesOf, detailsOf, headersOf } from './details';
import { Values } from './MetadataView';

/** The app's answer: status and headers. Values that are secret were replaced by the server. */
export function HeadersView({ runId, spanId }: { runId: string; spanId: string }) {
  return (
    <Details runId={runId} spanId={spanId}>
      {(details) =>
        details.response ? (
          <Values entries={headersOf(details.response)} />
        ) : (
          <p className="text-ink-soft">The app's answer is not known.</p>
        )
      }
    </Details>
  );
}

/** What the app's own tracing says of a span. */
export function AttributesView({ runId, spanId }: { runId: string; spanId: string }) {
  return (
    <Details runId={runId} spanId={spanId}>
      {({ userlandSpan: span }) =>
        span ? (
          <div className="flex flex-col gap-4">
            <Values entries={identityOf(span)} />
            <Attributes title="Attributes" json={span.spanAttrs} />
            <Attributes title="Resource" json={span.resourceAttrs} />
          </div>
        ) : (
          <p className="text-ink-soft">The app did not say more about this span.</p>
        )
      }
    </Details>
  );
}

function Details(props: {
  runId: string;
  spanId: string;
  children: (details: SpanDetails) => React.ReactNode;
}) {
  const { data, error, refetch } = useSpanDetails(props.runId);
  if (error && !data) {
    return (
      <ErrorNotice
        title="Details could not be loaded"
        error={error}
        onRetry={() => void refetch()}
      />
    );
  }
  if (!data) return <Skeleton lines={4} />;
  const details = detailsOf(data.runTrace, props.spanId);
  if (!details) return <p className="text-ink-soft">Nothing more is known of it.</p>;
  return props.children(details);
}

function Attributes({ title, json }: { title: string; json: string | null }) {
  const entries = attributesOf(json);
  if (entries.length === 0) return null;
  return (
    <section>
      <h3 className="mb-1.5 font-medium">{title}</h3>
      <Values entries={entries} />
    </section>
  );
}

function identityOf(span: NonNullable<SpanDetails['userlandSpan']>): [string, unknown][] {
  const all: [string, unknown][] = [
    ['name', span.spanName],
    ['kind', span.spanKind],
    ['service', span.serviceName],
    ['scope', [span.scopeName, span.scopeVersion].filter(Boolean).join(' ')],
  ];
  return all.filter(([, value]) => Boolean(value));
}
