import { Link } from '@tanstack/react-router';
import { List, SendHorizontal, Tags } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { isInternalName } from '~/features/events/draft';
import { draftOfType } from '~/features/events/last-payload';
import { Button, buttonClass } from '~/ui/Button';
import { EmptyState, ErrorNotice } from '~/ui/Notice';
import { Page } from '~/ui/Page';
import { Skeleton } from '~/ui/Skeleton';
import { Badge } from '~/ui/Status';
import { toastFailed } from '~/ui/toasts';
import { EventTypeDetail } from './EventTypeDetail';
import { useEventType } from './useEventType';

const SendEventDialog = lazy(() => import('~/features/events/SendEventDialog'));

/** The page of one name of events. */
export function EventTypePage({ name }: { name: string }) {
  const { type, isMissing, error, retry } = useEventType(name);
  const [draft, setDraft] = useState<string | null>(null);
  const write = async () => {
    try {
      setDraft(await draftOfType(name, type?.lastEventId ?? null));
    } catch (reason) {
      toastFailed('The last event could not be loaded', reason);
    }
  };
  return (
    <Page
      title={<span title={name}>{name}</span>}
      documentTitle={`${name} · Event type`}
      above={[
        <Link key="types" to="/event-types">
          Event types
        </Link>,
      ]}
      beside={isInternalName(name) && <Badge>Internal</Badge>}
      actions={
        <>
          <Link to="/events" search={{ filterEvent: [name] }} className={buttonClass()}>
            <List aria-hidden />
            All events
          </Link>
          {!isInternalName(name) && (
            <Button kind="primary" icon={<SendHorizontal />} onClick={() => void write()}>
              Send one
            </Button>
          )}
        </>
      }
    >
      {error && (
        <div className="mb-4">
          <ErrorNotice title="The event type could not be loaded" error={error} onRetry={retry} />
        </div>
      )}
      {!type && !error && !isMissing && <Skeleton lines={8} />}
      {isMissing && (
        <EmptyState icon={<Tags />} title="No event of this name is known">
          None came, or those that did were deleted because of their age, and no function listens to
          it.
        </EmptyState>
      )}
      {type && <EventTypeDetail type={type} />}
      {draft !== null && (
        <Suspense>
          <SendEventDialog initial={draft} onClose={() => setDraft(null)} />
        </Suspense>
      )}
    </Page>
  );
}
