import { useState } from 'react';
import { graphql } from '~/lib/graphql';
import { useRequest } from '~/lib/queries';
import { Button } from '~/ui/Button';
import { Dialog } from '~/ui/Dialog';
import { Field, Input } from '~/ui/Field';
import { ErrorNotice, Notice } from '~/ui/Notice';
import { toastDone } from '~/ui/toasts';
import {
  changesOf,
  KEPT_LABELS,
  KEPT_NAMES,
  type Kept,
  keptFault,
  keptInWords,
  type OwnKept,
  shortened,
} from './kept';

const SetRetentionMutation = graphql(`
  mutation SetRetention($input: RetentionInput!) {
    setRetention(input: $input) { kept { events } }
  }
`);

interface RetentionDialogProps {
  retention: { kept: Kept; own: OwnKept; server: Kept };
  onClose: () => void;
  onSaved: () => void;
}

/** Changes how long what is kept. Shorter times delete, so they are pointed out. */
export function RetentionDialog({ retention, onClose, onSaved }: RetentionDialogProps) {
  const { kept, own, server } = retention;
  const [typed, setTyped] = useState<Kept>(() => filledIn(own));
  const save = useRequest(SetRetentionMutation);
  const changes = changesOf(typed, own);
  const isWrong = KEPT_NAMES.some((name) => keptFault(typed[name]) !== null);
  const shorter = isWrong ? [] : shortened(changes, kept, server);
  const hasChanges = Object.keys(changes).length > 0;
  const submit = async () => {
    if (isWrong || !hasChanges) return;
    try {
      await save.mutateAsync({ input: changes });
      toastDone('Retention is changed');
      onSaved();
      onClose();
    } catch {
      // Shown below.
    }
  };
  return (
    <Dialog title="Change retention" isOpen onClose={onClose} width="small">
      <form
        className="flex flex-col gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <p className="text-ink-soft">
          Times such as 30d or 12h, or forever. What is left empty is as the server was started.
        </p>
        {KEPT_NAMES.map((name) => (
          <Field
            key={name}
            label={KEPT_LABELS[name].title}
            hint={KEPT_LABELS[name].about}
            error={keptFault(typed[name])}
          >
            {(input) => (
              <Input
                {...input}
                value={typed[name]}
                placeholder={`${server[name]}, as the server says`}
                autoComplete="off"
                spellCheck={false}
                onChange={({ target }) => setTyped({ ...typed, [name]: target.value })}
              />
            )}
          </Field>
        ))}
        {shorter.length > 0 && (
          <Notice severity="warning" title="Some will be deleted">
            <p>
              {shorter
                .map((name) => {
                  const after = changes[name] ?? server[name];
                  return `${KEPT_LABELS[name].title} older than ${keptInWords(after)}`;
                })
                .join('; ')}
              . That happens at once and cannot be undone.
            </p>
          </Notice>
        )}
        {save.error && <ErrorNotice title="Retention was not changed" error={save.error} />}
        <div className="flex justify-end gap-2">
          <Button onClick={onClose}>Keep as it is</Button>
          <Button
            type="submit"
            kind={shorter.length > 0 ? 'danger' : 'primary'}
            disabled={isWrong || !hasChanges}
            isBusy={save.isPending}
          >
            {shorter.length > 0 ? 'Change and delete' : 'Change'}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function filledIn(own: OwnKept): Kept {
  return {
    events: own.events ?? '',
    runs: own.runs ?? '',
    journals: own.journals ?? '',
    rollups: own.rollups ?? '',
    operations: own.operations ?? '',
  };
}
