import type { UseQueryResult } from '@tanstack/react-query';
import type { ResultOf } from '~/lib/graphql';
import { CodeBlock } from '~/ui/code/CodeBlock';
import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import type { SpanOutputQuery } from '../queries';
import { ErrorView } from './ErrorView';
import type { PanelTab } from './PanelTabs';

type OutputQuery = UseQueryResult<ResultOf<typeof SpanOutputQuery>, Error>;

/** Space around what a tab shows. */
export function TabBody({ children }: { children: React.ReactNode }) {
  return <div className="p-4">{children}</div>;
}

/** The tabs of what a span took and brought. `fileName` is what downloads begin with. */
export function outputTabs(query: OutputQuery, fileName: string): PanelTab[] {
  if (query.error && !query.data) {
    const body = (
      <ErrorNotice
        title="Input and output could not be loaded"
        error={query.error}
        onRetry={() => void query.refetch()}
      />
    );
    return [{ value: 'output', title: 'Output', content: <TabBody>{body}</TabBody> }];
  }
  if (!query.data) {
    if (query.fetchStatus === 'idle') return [];
    return [{ value: 'output', title: 'Output', content: <Skeleton lines={4} /> }];
  }
  const { input, data, error } = query.data.runTraceSpanOutputByID;
  const tabs: PanelTab[] = [];
  if (error) {
    tabs.push({
      value: 'error',
      title: 'Error',
      content: (
        <TabBody>
          <ErrorView error={error} />
        </TabBody>
      ),
    });
  }
  if (data) tabs.push(textTab('output', 'Output', data, fileName));
  if (input) tabs.push(textTab('input', 'Input', input, fileName));
  return tabs;
}

export function textTab(value: string, title: string, text: string, fileName: string): PanelTab {
  return {
    value,
    title,
    content: (
      <TabBody>
        <CodeBlock title={title} text={text} fileName={`${fileName}-${value}.json`} />
      </TabBody>
    ),
  };
}
