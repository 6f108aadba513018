import { useState } from 'react';
import { isText, recall, remember, useRemembered } from '~/lib/storage';
import { Button } from '~/ui/Button';
import { Dialog } from '~/ui/Dialog';
import { SendEventForm } from './SendEventForm';
import { SentEvents } from './SentEvents';
import { isSentHistory, KEPT_CHARS_MAX, withoutSent, withSent } from './sent-history';

const DRAFT = 'events.draft';
const FIRST_DRAFT = '{\n  "name": "",\n  "data": {\n    \n  }\n}';

/** What was accepted. */
export interface Sent {
  ids: string[];
  /** In the order of the ids. */
  names: string[];
}

interface SendEventDialogProps {
  /** JSON of an event or a list of events to begin with; else what was written last. */
  initial?: string;
  onClose: () => void;
}

/** Writes and sends events, and shows what they start. */
export default function SendEventDialog({ initial, onClose }: SendEventDialogProps) {
  const [text, setText] = useState(() => initial ?? recall(DRAFT, isText) ?? FIRST_DRAFT);
  const [history, setHistory] = useRemembered('events.sent', [], isSentHistory);
  const [sent, setSent] = useState<Sent | null>(null);

  const change = (next: string) => {
    setText(next);
    if (initial === undefined && next.length <= KEPT_CHARS_MAX) remember(DRAFT, next);
  };
  const finish = (accepted: Sent) => {
    const [name = ''] = accepted.names;
    setHistory(withSent(history, { at: Date.now(), text, name, count: accepted.ids.length }));
    setSent(accepted);
  };
  if (sent) {
    return (
      <Dialog
        title={sent.ids.length === 1 ? 'The event was sent' : `${sent.ids.length} events were sent`}
        isOpen
        onClose={onClose}
        footer={
          <>
            <Button onClick={() => setSent(null)}>Send another</Button>
            <Button kind="primary" onClick={onClose}>
              Done
            </Button>
          </>
        }
      >
        <SentEvents sent={sent} onLeave={onClose} />
      </Dialog>
    );
  }
  return (
    <SendEventForm
      text={text}
      onChange={change}
      history={history}
      onForget={(at) => setHistory(withoutSent(history, at))}
      onSent={finish}
      onClose={onClose}
    />
  );
}
