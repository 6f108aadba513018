import { Menu as Base } from '@base-ui/react/menu';
import type { ReactElement, ReactNode } from 'react';
import { cn } from '~/lib/cn';

export const POPUP_CLASS =
  'z-50 max-h-(--available-height) min-w-44 overflow-y-auto rounded-lg border border-line bg-raised p-1 shadow-float outline-none';
export const ITEM_CLASS =
  'flex min-h-8 cursor-default select-none items-center gap-2 rounded-md px-2 py-1 outline-none data-highlighted:bg-hover data-disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0';

/** A button that opens a list of actions. `trigger` is the button. */
export function Menu({ trigger, children }: { trigger: ReactElement; children: ReactNode }) {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={4} align="end" className="z-50">
          <Base.Popup className={POPUP_CLASS}>{children}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

export function MenuItem(props: {
  icon?: ReactNode;
  isDangerous?: boolean;
  isDisabled?: boolean;
  /** Why it cannot be chosen, shown below the words. */
  remark?: string | undefined;
  onSelect: () => void;
  children: ReactNode;
}) {
  return (
    <Base.Item
      disabled={props.isDisabled}
      onClick={props.onSelect}
      className={cn(ITEM_CLASS, props.isDangerous && 'text-bad-ink')}
    >
      {props.icon}
      <span>
        {props.children}
        {props.remark && <span className="block text-ink-faint text-xs">{props.remark}</span>}
      </span>
    </Base.Item>
  );
}

export const MenuSeparator = () => <Base.Separator className="my-1 h-px bg-line" />;
