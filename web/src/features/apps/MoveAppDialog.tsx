import { useState } from 'react';
import { Button } from '~/ui/Button';
import { Dialog } from '~/ui/Dialog';
import { Field, Input } from '~/ui/Field';
import { ErrorNotice } from '~/ui/Notice';
import { readUrl } from './app-url';
import type { AppDetails } from './queries';

interface MoveAppDialogProps {
  app: AppDetails;
  isOpen: boolean;
  onClose: () => void;
  /** Throws if the server does not take the URL. */
  onMove: (url: string) => Promise<void>;
}

/** Has the server look for an app at another URL. */
export function MoveAppDialog({ app, isOpen, onClose, onMove }: MoveAppDialogProps) {
  return (
    <Dialog title="Change the URL" isOpen={isOpen} onClose={onClose} width="small">
      <MoveAppForm initialUrl={app.url ?? ''} onClose={onClose} onMove={onMove} />
    </Dialog>
  );
}

function MoveAppForm(
  props: Pick<MoveAppDialogProps, 'onClose' | 'onMove'> & { initialUrl: string },
) {
  const [typed, setTyped] = useState(props.initialUrl);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const { url, fault } = readUrl(typed);
  const submit = async () => {
    if (url === null) return;
    setBusy(true);
    setError(null);
    try {
      await props.onMove(url);
      props.onClose();
    } catch (reason) {
      setError(reason instanceof Error ? reason : new Error(String(reason)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className="flex flex-col gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Field
        label="URL of the app"
        hint="The server asks there at once, and from now on calls the functions there."
        error={fault}
      >
        {(input) => (
          <Input
            {...input}
            value={typed}
            inputMode="url"
            autoComplete="off"
            spellCheck={false}
            className="font-mono text-[0.8125rem]"
            onChange={({ target }) => setTyped(target.value)}
          />
        )}
      </Field>
      {error && <ErrorNotice title="The URL could not be changed" error={error} />}
      <div className="flex justify-end gap-2">
        <Button onClick={props.onClose}>Keep as it is</Button>
        <Button
          kind="primary"
          type="submit"
          isBusy={isBusy}
          disabled={url === null || url === props.initialUrl}
        >
          Change and sync
        </Button>
      </div>
    </form>
  );
}
