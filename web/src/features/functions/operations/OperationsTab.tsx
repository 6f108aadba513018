import { type ReactNode, Suspense } from 'react';
import { Button } from '~/ui/Button';
import { EmptyState, ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { TabBody } from '../FunctionPage';

interface OperationsTabProps {
  /** What it is about, in a sentence. */
  about: string;
  /** The words on the button that begins one; left out where none can begin. */
  create: string | null;
  onCreate: () => void;
  error: { title: string; reason: Error; retry: () => void } | null;
  isLoading: boolean;
  isEmpty: boolean;
  emptyTitle: string;
  icon: ReactNode;
  list: ReactNode;
  dialog: ReactNode;
}

/** The frame of replays and cancellations: their list, and the way to a new one. */
export function OperationsTab(props: OperationsTabProps) {
  const { about, create, error, isLoading, isEmpty } = props;
  const button = create && (
    <Button kind="primary" onClick={props.onCreate}>
      {create}
    </Button>
  );
  return (
    <TabBody>
      <div className="mx-auto flex max-w-5xl flex-col gap-4">
        {error ? (
          <ErrorNotice title={error.title} error={error.reason} onRetry={error.retry} />
        ) : isLoading ? (
          <Skeleton lines={6} />
        ) : isEmpty ? (
          <EmptyState icon={props.icon} title={props.emptyTitle} actions={button}>
            <p>{about}</p>
          </EmptyState>
        ) : (
          <>
            <div className="flex flex-wrap items-center justify-between gap-3">
              <p className="max-w-prose text-ink-soft">{about}</p>
              {button}
            </div>
            {props.list}
          </>
        )}
      </div>
      <Suspense>{props.dialog}</Suspense>
    </TabBody>
  );
}
