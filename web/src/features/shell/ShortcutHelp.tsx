import { Dialog } from '~/ui/Dialog';
import { keysInWords, type Shortcut } from './shortcuts';

/** Keys within lists, which hear them themselves. */
const IN_LISTS: Pick<Shortcut, 'keys' | 'about'>[] = [
  { keys: 'j', about: 'Next row of a list' },
  { keys: 'k', about: 'Row before' },
  { keys: 'Enter', about: 'Open and close the row' },
  { keys: 'x', about: 'Select the row' },
  { keys: 'o', about: 'Go to its page' },
];

/** All shortcuts of the page. */
export default function ShortcutHelp(props: {
  shortcuts: readonly Shortcut[];
  onClose: () => void;
}) {
  return (
    <Dialog title="Keyboard shortcuts" isOpen onClose={props.onClose} width="small">
      <dl className="flex flex-col gap-2">
        {[...props.shortcuts, ...IN_LISTS].map(({ keys, about }) => (
          <div key={keys} className="flex items-center justify-between gap-4">
            <dt>{about}</dt>
            <dd className="flex gap-1">
              {keysInWords(keys).map((key) => (
                <kbd
                  key={key}
                  className="min-w-6 rounded border border-line-strong bg-canvas px-1.5 py-0.5 text-center font-sans text-xs"
                >
                  {key}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
