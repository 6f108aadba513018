import { useShell } from '~/features/shell/queries';
import { MultiSelect } from '~/ui/MultiSelect';
import { withUnknown } from './options';

interface AppFilterProps {
  /** Ids of apps; none are all. */
  values: readonly string[];
  onChange: (values: string[]) => void;
}

/** Limits a list to some apps. */
export function AppFilter({ values, onChange }: AppFilterProps) {
  const shell = useShell();
  const known = (shell.data?.apps ?? []).map(({ id, name, externalID }) => ({
    value: id,
    title: name || externalID,
  }));
  return (
    <MultiSelect
      label="App"
      values={values}
      options={withUnknown(known, values, shell.isSuccess ? 'Removed app' : 'App')}
      onChange={onChange}
    />
  );
}
