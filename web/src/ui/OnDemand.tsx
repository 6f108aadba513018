import { cloneElement, type ReactElement, type ReactNode, Suspense, useState } from 'react';

interface OnDemandProps {
  /** The button that opens it; `children` bring an equal one of their own. */
  trigger: ReactElement;
  opens: 'menu' | 'listbox' | 'dialog';
  /** Begins to load what `children` need. */
  load: () => Promise<unknown>;
  /** What the button opens, open from the beginning. */
  children: ReactNode;
}

interface TriggerProps {
  'aria-haspopup': OnDemandProps['opens'];
  'aria-expanded': boolean;
  onPointerEnter: () => void;
  onFocus: () => void;
  onClick: () => void;
}

/**
 * A button whose popup is loaded when somebody is about to open it: most popups of a page never are,
 * and what they are made of is larger than the page.
 */
export function OnDemand({ trigger, opens, load, children }: OnDemandProps) {
  const [isWanted, setWanted] = useState(false);
  const begin = () => void load();
  const button = cloneElement(trigger as ReactElement<TriggerProps>, {
    'aria-haspopup': opens,
    'aria-expanded': false,
    onPointerEnter: begin,
    onFocus: begin,
    onClick: () => setWanted(true),
  });
  return isWanted ? <Suspense fallback={button}>{children}</Suspense> : button;
}
