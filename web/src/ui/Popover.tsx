import { Popover as Base } from '@base-ui/react/popover';
import type { ReactElement, ReactNode } from 'react';
import { cn } from '~/lib/cn';

/** A panel beside the button that opens it. Escape and a click beside it close it. */
export function Popover(props: {
  /** The button. */
  trigger: ReactElement;
  /** What the panel is, for screen readers. */
  label: string;
  isOpen: boolean;
  onOpenChange: (isOpen: boolean) => void;
  className?: string;
  children: ReactNode;
}) {
  return (
    <Base.Root open={props.isOpen} onOpenChange={props.onOpenChange}>
      <Base.Trigger render={props.trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={4} align="start" collisionPadding={8} className="z-50">
          <Base.Popup
            aria-label={props.label}
            className={cn(
              'max-h-(--available-height) max-w-(--available-width) overflow-y-auto rounded-lg border border-line bg-raised shadow-float outline-none',
              props.className,
            )}
          >
            {props.children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
