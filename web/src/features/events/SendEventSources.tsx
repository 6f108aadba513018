import { FileJson, Trash2 } from 'lucide-react';
import { useState } from 'react';
import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { IconButton } from '~/ui/Button';
import { Input } from '~/ui/Field';
import { Notice } from '~/ui/Notice';
import { RelativeTime } from '~/ui/Time';
import { draftOfType } from './last-payload';
import type { SentEntry } from './sent-history';
import { type Template, templatesOf } from './templates';

const TemplatesQuery = graphql(`
  query EventTemplates {
    eventTypes(first: 500) { name lastEventID }
    functionList(first: 1000) { nodes { triggers { type value } } }
  }
`);

const SHOWN_MAX = 50;

interface SendEventSourcesProps {
  history: readonly SentEntry[];
  onForget: (at: number) => void;
  /** Given the text to go on with. */
  onChoose: (text: string) => void;
}

/** What one can begin with: events that functions listen to or that came before, and what was sent. */
export function SendEventSources({ history, onForget, onChoose }: SendEventSourcesProps) {
  return (
    <div className="flex shrink-0 flex-col gap-5 md:w-64">
      <Templates onChoose={onChoose} />
      <section aria-labelledby="sent-before">
        <h3 id="sent-before" className="mb-1.5 font-medium">
          Sent from here
        </h3>
        {history.length === 0 ? (
          <p className="text-ink-soft text-xs">
            What you send is remembered in this browser, the latest 20 of it.
          </p>
        ) : (
          <ul className="-mx-1 flex max-h-56 flex-col overflow-y-auto px-1">
            {history.map((entry) => (
              <li key={entry.at} className="flex items-center gap-1">
                <button
                  type="button"
                  className="min-w-0 flex-1 rounded-md px-2 py-1 text-left hover:bg-hover"
                  onClick={() => onChoose(entry.text)}
                >
                  <span className="block truncate" title={entry.name}>
                    {entry.name}
                  </span>
                  <span className="block text-ink-faint text-xs">
                    {entry.count > 1 && `${entry.count.toLocaleString()} events, `}
                    <RelativeTime at={new Date(entry.at).toISOString()} />
                  </span>
                </button>
                <IconButton
                  label={`Forget ${entry.name}`}
                  icon={<Trash2 />}
                  onClick={() => onForget(entry.at)}
                />
              </li>
            ))}
          </ul>
        )}
      </section>
    </div>
  );
}

function Templates({ onChoose }: { onChoose: (text: string) => void }) {
  const { data, error } = useLiveQuery(TemplatesQuery, {});
  const [search, setSearch] = useState('');
  const [failure, setFailure] = useState<Error | null>(null);
  const templates = data ? templatesOf(data, search) : [];
  const choose = async ({ name, lastEventId }: Template) => {
    setFailure(null);
    try {
      onChoose(await draftOfType(name, lastEventId));
    } catch (reason) {
      setFailure(reason instanceof Error ? reason : new Error(String(reason)));
    }
  };
  return (
    <section aria-labelledby="templates">
      <h3 id="templates" className="mb-1.5 font-medium">
        Begin with a known event
      </h3>
      <Input
        aria-label="Find an event by name"
        placeholder="Find…"
        value={search}
        onChange={(event) => setSearch(event.target.value)}
      />
      {(error ?? failure) && (
        <Notice severity="error" className="mt-2">
          {(error ?? failure)?.message}
        </Notice>
      )}
      <ul className="-mx-1 mt-1 flex max-h-56 flex-col overflow-y-auto px-1">
        {templates.slice(0, SHOWN_MAX).map((template) => (
          <li key={template.name}>
            <button
              type="button"
              title={template.name}
              className="flex min-h-7 w-full items-center gap-1.5 rounded-md px-2 text-left hover:bg-hover"
              onClick={() => void choose(template)}
            >
              <FileJson className="size-3.5 shrink-0 text-ink-faint" aria-hidden />
              <span className="min-w-0 truncate">{template.name}</span>
            </button>
          </li>
        ))}
      </ul>
      <p role="status" className="px-1 text-ink-soft text-xs">
        {data &&
          templates.length === 0 &&
          (search ? 'Nothing of that name.' : 'None is known yet.')}
        {templates.length > SHOWN_MAX &&
          `${templates.length - SHOWN_MAX} more; type a part of the name.`}
      </p>
    </section>
  );
}
