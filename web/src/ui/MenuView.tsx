import { Menu as Base } from '@base-ui/react/menu';
import { Check } from 'lucide-react';
import { cn } from '~/lib/cn';
import {
  ITEM_CLASS,
  type MenuChoiceProps,
  type MenuItemProps,
  type MenuProps,
  POPUP_CLASS,
} from './Menu';

/** `Menu` once it is wanted: it opens as soon as it is there. */
export function MenuView({ trigger, children }: MenuProps) {
  return (
    <Base.Root defaultOpen>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={4} align="end" className="z-50">
          <Base.Popup className={POPUP_CLASS}>{children}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

export function MenuItemView(props: MenuItemProps) {
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

export function MenuChoiceView(props: MenuChoiceProps) {
  return (
    <Base.CheckboxItem
      checked={props.isChosen}
      disabled={props.isDisabled}
      closeOnClick={false}
      onCheckedChange={props.onChange}
      className={ITEM_CLASS}
    >
      <span className="flex size-4 items-center justify-center rounded border border-line-strong">
        <Base.CheckboxItemIndicator>
          <Check className="size-3.5" aria-hidden />
        </Base.CheckboxItemIndicator>
      </span>
      {props.children}
    </Base.CheckboxItem>
  );
}

export const MenuSeparatorView = () => <Base.Separator className="my-1 h-px bg-line" />;
