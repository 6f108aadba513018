import { Link } from '@tanstack/react-router';
import { Notice } from '~/ui/Notice';
import { EventOutcomes } from './EventOutcomes';
import type { Sent } from './SendEventDialog';

/** Of so many events is shown what they start; of more, it would be a flood of questions. */
const FOLLOWED_MAX = 5;
const LISTED_MAX = 100;

/** The ids of events that were accepted, and what they start. */
export function SentEvents({ sent, onLeave }: { sent: Sent; onLeave: () => void }) {
  const { ids, names } = sent;
  const isFollowed = ids.length <= FOLLOWED_MAX;
  return (
    <div className="flex flex-col gap-3">
      {!isFollowed && (
        <Notice>
          What they start is on the page of each event.{' '}
          <Link
            to="/events"
            search={{ filterEvent: [...new Set(names)].slice(0, 20) }}
            className="underline"
            onClick={onLeave}
          >
            See them in the list
          </Link>
        </Notice>
      )}
      <ul className="flex flex-col gap-3">
        {ids.slice(0, LISTED_MAX).map((id, index) => (
          <li key={id} className="rounded-lg border border-line">
            <div className="flex flex-wrap items-center justify-between gap-x-3 px-3 py-2">
              <span className="min-w-0 truncate font-medium" title={names[index]}>
                {names[index]}
              </span>
              <Link
                to="/events/$eventId"
                params={{ eventId: id }}
                className="font-mono text-accent text-xs hover:underline"
                onClick={onLeave}
              >
                {id}
              </Link>
            </div>
            {isFollowed && (
              <div className="border-line border-t px-3 py-2.5">
                <EventOutcomes eventId={id} />
              </div>
            )}
          </li>
        ))}
      </ul>
      {ids.length > LISTED_MAX && (
        <p className="text-ink-soft">And {(ids.length - LISTED_MAX).toLocaleString()} more.</p>
      )}
    </div>
  );
}
