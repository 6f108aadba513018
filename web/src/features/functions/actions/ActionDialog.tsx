import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { Button } from '~/ui/Button';
import { Dialog } from '~/ui/Dialog';
import { ErrorNotice } from '~/ui/Notice';

interface ActionDialogProps {
  title: string;
  /** The words on the button that does it. */
  confirm: string;
  isDangerous?: boolean;
  isDisabled?: boolean;
  width?: 'small' | 'medium';
  /** The dialog stays open, and shows the error, if this throws. */
  onConfirm: () => Promise<void>;
  onClose: () => void;
  /** What will happen, and the fields that decide it. */
  children: ReactNode;
}

/** Fields that say how something is done, and the button that does it. */
export function ActionDialog(props: ActionDialogProps) {
  const formId = useId();
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (isBusy || props.isDisabled) return;
    setBusy(true);
    setError(null);
    try {
      await props.onConfirm();
      props.onClose();
    } catch (reason) {
      setError(reason instanceof Error ? reason : new Error(String(reason)));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={props.title}
      isOpen
      onClose={props.onClose}
      width={props.width ?? 'small'}
      footer={
        <>
          <Button onClick={props.onClose}>Keep as it is</Button>
          <Button
            type="submit"
            form={formId}
            kind={props.isDangerous ? 'danger' : 'primary'}
            isBusy={isBusy}
            disabled={props.isDisabled}
          >
            {props.confirm}
          </Button>
        </>
      }
    >
      <form
        id={formId}
        noValidate
        className="flex flex-col gap-4"
        onSubmit={(event) => void submit(event)}
      >
        {props.children}
        {error && <ErrorNotice title="That did not work" error={error} />}
      </form>
    </Dialog>
  );
}
