import { Menu } from '@base-ui/react/menu';
import { Check } from 'lucide-react';
import { ITEM_CLASS, POPUP_CLASS } from '../Menu';
import { type ColumnChooserProps, ColumnsButton } from './ColumnChooser';

/** `ColumnChooser` once it is loaded, open from the beginning. */
export default function ColumnMenu<Id extends string>(props: ColumnChooserProps<Id>) {
  const { columns, chosen } = props;
  return (
    <Menu.Root defaultOpen>
      <Menu.Trigger render={<ColumnsButton />} />
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="z-50">
          <Menu.Popup className={POPUP_CLASS}>
            {columns.map(({ id, title }) => {
              const isChosen = chosen.includes(id);
              return (
                <Menu.CheckboxItem
                  key={id}
                  checked={isChosen}
                  disabled={isChosen && chosen.length === 1}
                  closeOnClick={false}
                  onCheckedChange={(isOn) =>
                    props.onChange(isOn ? [...chosen, id] : chosen.filter((each) => each !== id))
                  }
                  className={ITEM_CLASS}
                >
                  <span className="flex size-4 items-center justify-center rounded border border-line-strong">
                    <Menu.CheckboxItemIndicator>
                      <Check className="size-3.5" aria-hidden />
                    </Menu.CheckboxItemIndicator>
                  </span>
                  {title}
                </Menu.CheckboxItem>
              );
            })}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
