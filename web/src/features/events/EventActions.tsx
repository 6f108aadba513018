import { Link } from '@tanstack/react-router';
import { ExternalLink, SendHorizontal, Tags, Terminal } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import { Button, buttonClass } from '~/ui/Button';
import { copyText } from '~/ui/Copy';
import { toastDone, toastFailed } from '~/ui/toasts';
import { draftOf, isInternalName } from './draft';
import { destination } from './EventSnippet';
import { curlSnippet } from './snippets';
import type { EventDetails } from './useEvent';

const SendEventDialog = lazy(() => import('./SendEventDialog'));

/** What can be done with an event: send it again, copy it as a command, see others of its type. */
export function EventActions({
  event,
  isInline = false,
}: {
  event: EventDetails;
  isInline?: boolean;
}) {
  const [draft, setDraft] = useState<string | null>(null);
  const isInternal = isInternalName(event.name);
  const size = isInline ? 'small' : 'medium';
  const copyCurl = async () => {
    const isCopied = await copyText(curlSnippet(draftOf(event.raw), destination()));
    if (isCopied) toastDone('Copied as a cURL command');
    else toastFailed('Nothing was copied', 'The browser does not let this page use the clipboard.');
  };
  return (
    <>
      {isInternal && (
        <span id={`internal-${event.id}`} className="text-ink-soft text-xs">
          Only the server sends these.
        </span>
      )}
      <Button
        size={size}
        icon={<SendHorizontal />}
        disabled={isInternal}
        aria-describedby={isInternal ? `internal-${event.id}` : undefined}
        onClick={() => setDraft(draftOf(event.raw))}
      >
        Send again
      </Button>
      <Button
        size={size}
        icon={<Terminal />}
        disabled={isInternal}
        aria-describedby={isInternal ? `internal-${event.id}` : undefined}
        onClick={() => void copyCurl()}
      >
        Copy as cURL
      </Button>
      <Link
        to="/event-types/$name"
        params={{ name: event.name }}
        className={buttonClass('secondary', size)}
      >
        <Tags aria-hidden />
        Event type
      </Link>
      {isInline && (
        <Link
          to="/events/$eventId"
          params={{ eventId: event.id }}
          className={buttonClass('secondary', size)}
        >
          <ExternalLink aria-hidden />
          Open
        </Link>
      )}
      {draft !== null && (
        <Suspense>
          <SendEventDialog initial={draft} onClose={() => setDraft(null)} />
        </Suspense>
      )}
    </>
  );
}
