import { Columns3 } from 'lucide-react';
import { type ComponentProps, lazy } from 'react';
import { IconButton } from '../Button';
import { OnDemand } from '../OnDemand';

export interface ColumnChooserProps<Id extends string> {
  columns: readonly { id: Id; title: string }[];
  chosen: readonly Id[];
  onChange: (chosen: Id[]) => void;
}

const load = () => import('./ColumnMenu');
const ColumnMenu = lazy(load) as typeof import('./ColumnMenu').default;

/** Chooses the columns of a table, at once. One column always stays. */
export function ColumnChooser<Id extends string>(props: ColumnChooserProps<Id>) {
  return (
    <OnDemand trigger={<ColumnsButton />} opens="menu" load={load}>
      <ColumnMenu {...props} />
    </OnDemand>
  );
}

export function ColumnsButton(props: ComponentProps<'button'>) {
  return <IconButton {...props} label="Columns" icon={<Columns3 />} />;
}
