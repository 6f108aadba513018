import { Menu } from '@base-ui/react/menu';
import { Check, Columns3 } from 'lucide-react';
import { IconButton } from '../Button';
import { ITEM_CLASS, POPUP_CLASS } from '../Menu';

/** Chooses the columns of a table, at once. One column always stays. */
export function ColumnChooser<Id extends string>(props: {
  columns: readonly { id: Id; title: string }[];
  chosen: readonly Id[];
  onChange: (chosen: Id[]) => void;
}) {
  const { columns, chosen } = props;
  return (
    <Menu.Root>
      <Menu.Trigger render={<IconButton label="Columns" icon={<Columns3 />} />} />
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
