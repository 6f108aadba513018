import { lazy, type ReactElement, type ReactNode } from 'react';
import { OnDemand } from './OnDemand';

export const POPUP_CLASS =
  'z-50 max-h-(--available-height) min-w-44 overflow-y-auto rounded-lg border border-line bg-raised p-1 shadow-float outline-none';
export const ITEM_CLASS =
  'flex min-h-8 cursor-default select-none items-center gap-2 rounded-md px-2 py-1 outline-none data-highlighted:bg-hover data-disabled:opacity-50 [&_svg]:size-4 [&_svg]:shrink-0';

export interface MenuProps {
  /** The button. */
  trigger: ReactElement;
  children: ReactNode;
}

export interface MenuItemProps {
  icon?: ReactNode;
  isDangerous?: boolean;
  isDisabled?: boolean;
  /** Why it cannot be chosen, shown below the words. */
  remark?: string | undefined;
  onSelect: () => void;
  children: ReactNode;
}

export interface MenuChoiceProps {
  isChosen: boolean;
  isDisabled?: boolean;
  onChange: (isChosen: boolean) => void;
  children: ReactNode;
}

const load = () => import('./MenuView');
const MenuView = lazy(() => load().then((view) => ({ default: view.MenuView })));

/** A button that opens a list of actions. */
export function Menu({ trigger, children }: MenuProps) {
  return (
    <OnDemand trigger={trigger} opens="menu" load={load}>
      <MenuView trigger={trigger}>{children}</MenuView>
    </OnDemand>
  );
}

/** One action of a menu. */
export const MenuItem = lazy(() => load().then((view) => ({ default: view.MenuItemView })));

/** Something that is on or off; the menu stays open when it is changed. */
export const MenuChoice = lazy(() => load().then((view) => ({ default: view.MenuChoiceView })));

export const MenuSeparator = lazy(() =>
  load().then((view) => ({ default: view.MenuSeparatorView })),
);
