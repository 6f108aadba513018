import { Link } from '@tanstack/react-router';
import { SendHorizontal, Tags } from 'lucide-react';
import { lazy, Suspense } from 'react';
import { Button, buttonClass } from '~/ui/Button';
import { Page } from '~/ui/Page';
import { EventsList } from './EventsList';
import type { EventsSearch } from './event-search';

const SendEventDialog = lazy(() => import('./SendEventDialog'));

interface EventsPageProps {
  search: EventsSearch;
  onSearch: (search: EventsSearch) => void;
  /** Whether the editor for events is open. */
  isSending: boolean;
  onSending: (isSending: boolean) => void;
}

/** All events, and a way to send one. */
export function EventsPage({ search, onSearch, isSending, onSending }: EventsPageProps) {
  return (
    <Page
      title="Events"
      isPadded={false}
      actions={
        <>
          <Link to="/event-types" className={buttonClass()}>
            <Tags aria-hidden />
            Event types
          </Link>
          <Button kind="primary" icon={<SendHorizontal />} onClick={() => onSending(true)}>
            Send event
          </Button>
        </>
      }
    >
      <EventsList search={search} onSearch={onSearch} onSend={() => onSending(true)} />
      {isSending && (
        <Suspense>
          <SendEventDialog onClose={() => onSending(false)} />
        </Suspense>
      )}
    </Page>
  );
}
