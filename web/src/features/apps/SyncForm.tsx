import { type ReactNode, useState } from 'react';
import { useRequest } from '~/lib/queries';
import { RequestError } from '~/lib/request';
import { Button } from '~/ui/Button';
import { Field, Input } from '~/ui/Field';
import { ErrorNotice } from '~/ui/Notice';
import { AppTrouble } from './AppTrouble';
import { readUrl } from './app-url';
import { CreateAppMutation, refreshApps, type SyncedApp } from './queries';

interface SyncFormProps {
  /** The URL that stands there at first. */
  initialUrl?: string;
  onSynced: (app: SyncedApp) => void;
  /** Beside the button. */
  actions?: ReactNode;
  hasFocus?: boolean;
  /** Leaves out what an app did wrong, where that is shown anyway. */
  isBrief?: boolean;
}

/** Asks for the URL of an app and has it register; what went wrong is said below the field. */
export function SyncForm({ initialUrl = '', onSynced, actions, hasFocus, isBrief }: SyncFormProps) {
  const [typed, setTyped] = useState(initialUrl);
  const [showsFault, setShowsFault] = useState(false);
  const create = useRequest(CreateAppMutation);
  const { url, fault } = readUrl(typed);
  const submit = async () => {
    setShowsFault(true);
    if (url === null) return;
    try {
      const { createApp } = await create.mutateAsync({ url });
      onSynced(createApp);
    } catch {
      // Shown below.
    } finally {
      refreshApps();
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
        hint="Where it serves its functions. http:// may be left out."
        error={showsFault ? fault : null}
      >
        {(input) => (
          <Input
            {...input}
            autoFocus={hasFocus}
            value={typed}
            inputMode="url"
            autoComplete="off"
            spellCheck={false}
            placeholder="http://localhost:3000/api/inngest"
            className="font-mono text-[0.8125rem]"
            onChange={({ target }) => {
              setTyped(target.value);
              create.reset();
            }}
          />
        )}
      </Field>
      {create.error && !(isBrief && isOfApp(create.error)) && <SyncTrouble error={create.error} />}
      <div className="flex justify-end gap-2">
        {actions}
        <Button kind="primary" type="submit" isBusy={create.isPending}>
          {create.isPending ? 'Syncing' : 'Sync app'}
        </Button>
      </div>
    </form>
  );
}

/** A synchronisation that was refused: by the app, or because the server could not be asked. */
function SyncTrouble({ error }: { error: Error }) {
  if (!isOfApp(error)) {
    return <ErrorNotice title="The server could not be asked" error={error} />;
  }
  return (
    <AppTrouble error={error.message}>
      <p className="mt-1.5">
        The address is kept in the list of apps, and the server tries it again and again.
      </p>
    </AppTrouble>
  );
}

/** Whether the server asked and the app did not register. */
function isOfApp(error: Error): boolean {
  return error instanceof RequestError && error.trouble === 'refused';
}
