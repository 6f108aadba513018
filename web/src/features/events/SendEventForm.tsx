import { Send } from 'lucide-react';
import { useDeferredValue, useMemo, useState } from 'react';
import { isMac } from '~/features/shell/shortcuts';
import { graphql } from '~/lib/graphql';
import { requestWithText } from '~/lib/request';
import { Button } from '~/ui/Button';
import { JsonEditor } from '~/ui/code/JsonEditor';
import { Dialog } from '~/ui/Dialog';
import { ErrorNotice, Notice } from '~/ui/Notice';
import { Tabs } from '~/ui/Tabs';
import { checkDraft, type DraftCheck } from './draft';
import { EventSnippet } from './EventSnippet';
import type { Sent } from './SendEventDialog';
import { SendEventSources } from './SendEventSources';
import type { SentEntry } from './sent-history';

const SendEventsMutation = graphql(`
  mutation SendEvents($events: [Map!]!) { sendEvents(events: $events) }
`);

type Form = 'json' | 'typescript' | 'python' | 'curl';

interface SendEventFormProps {
  text: string;
  onChange: (text: string) => void;
  history: readonly SentEntry[];
  onForget: (at: number) => void;
  onSent: (sent: Sent) => void;
  onClose: () => void;
}

/** The editor for events. What is sent is exactly what it shows, or nothing. */
export function SendEventForm(props: SendEventFormProps) {
  const { text, onChange, history, onForget, onSent, onClose } = props;
  const [form, setForm] = useState<Form>('json');
  // The editor takes the focus when the window opens, not when one comes back to it.
  const [isNew, setNew] = useState(true);
  const [isSending, setSending] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [error, setError] = useState<Error | null>(null);
  const deferredText = useDeferredValue(text);
  const check = useMemo(() => checkDraft(deferredText), [deferredText]);

  const change = (next: string) => {
    setRefusal(null);
    setError(null);
    onChange(next);
  };
  const send = async () => {
    if (isSending) return;
    // What is checked must be what is sent, not what was there a moment ago.
    const { draft, problem } = checkDraft(text);
    setError(null);
    setRefusal(problem);
    if (draft === null) return;
    setSending(true);
    try {
      const variables = `{"events":${draft.eventsText}}`;
      const { sendEvents: ids } = await requestWithText(SendEventsMutation, variables);
      onSent({ ids, names: draft.names });
    } catch (reason) {
      setError(reason instanceof Error ? reason : new Error(String(reason)));
      setSending(false);
    }
  };
  const count = check.draft?.names.length ?? 1;
  const snippet = (kind: Exclude<Form, 'json'>) => (
    <div className="pt-3">
      <EventSnippet kind={kind} check={check} text={deferredText} />
    </div>
  );
  return (
    <Dialog
      title="Send an event"
      isOpen
      onClose={onClose}
      width="large"
      footer={
        <>
          <span className="mr-auto self-center text-ink-faint text-xs max-sm:hidden">
            <kbd className="font-sans">{isMac ? '⌘ Enter' : 'Ctrl Enter'}</kbd> sends
          </span>
          <Button onClick={onClose}>Close</Button>
          <Button kind="primary" icon={<Send />} isBusy={isSending} onClick={() => void send()}>
            {count === 1 ? 'Send event' : `Send ${count.toLocaleString()} events`}
          </Button>
        </>
      }
    >
      <div className="flex flex-col gap-5 md:flex-row">
        <div className="flex min-w-0 flex-1 flex-col gap-3">
          <div className="[&_[role=tablist]]:px-0">
            <Tabs<Form>
              label="Form of the event"
              value={form}
              onChange={(form) => {
                setNew(false);
                setForm(form);
              }}
              tabs={[
                {
                  value: 'json',
                  title: 'JSON',
                  content: (
                    <div className="pt-3">
                      <JsonEditor
                        label="Event or list of events, as JSON"
                        value={text}
                        onChange={change}
                        onSubmit={() => void send()}
                        lines={16}
                        focusAt={isNew ? placeToBegin(text) : undefined}
                      />
                      <Remarks check={check} />
                    </div>
                  ),
                },
                { value: 'typescript', title: 'TypeScript', content: snippet('typescript') },
                { value: 'python', title: 'Python', content: snippet('python') },
                { value: 'curl', title: 'cURL', content: snippet('curl') },
              ]}
            />
          </div>
          {refusal && (
            <Notice severity="error" title="Nothing was sent">
              {refusal}
            </Notice>
          )}
          {error && <ErrorNotice title="Nothing was sent" error={error} />}
        </div>
        <SendEventSources history={history} onForget={onForget} onChoose={change} />
      </div>
    </Dialog>
  );
}

/** Within the quotes of a name that is empty, else at the beginning. */
function placeToBegin(text: string): number {
  const found = /"name":\s*"(?=")/.exec(text);
  return found ? found.index + found[0].length : 0;
}

/** What will not have an effect, or keeps it from being sent; the editor itself tells bad syntax. */
function Remarks({ check }: { check: DraftCheck }) {
  const problem = check.problem !== null && !check.isSyntax ? check.problem : null;
  return (
    <div role="status" className="mt-1.5 min-h-5 break-words text-xs">
      {problem && <p className="text-ink-soft">{problem}</p>}
      {check.draft?.remarks.map((remark) => (
        <p key={remark} className="text-waiting-ink">
          {remark}
        </p>
      ))}
    </div>
  );
}
