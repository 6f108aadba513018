import { graphql } from '~/lib/graphql';
import { useLiveQuery } from '~/lib/queries';
import { MultiSelect } from '~/ui/MultiSelect';
import { withUnknown } from './options';

const FunctionNamesQuery = graphql(`
  query FunctionNames { functionList(first: 1000) { nodes { id slug name } } }
`);

interface FunctionFilterProps {
  /** Ids of functions; none are all. */
  values: readonly string[];
  onChange: (values: string[]) => void;
}

/** Limits a list to some functions. */
export function FunctionFilter({ values, onChange }: FunctionFilterProps) {
  const { functions, isKnown } = useFunctionNames();
  const known = functions.map(({ id, name, slug }) => ({ value: id, title: name || slug }));
  return (
    <MultiSelect
      label="Function"
      values={values}
      options={withUnknown(known, values, isKnown ? 'Removed function' : 'Function')}
      onChange={onChange}
    />
  );
}

/** Names of the functions, at most 1,000 of them. */
export function useFunctionNames() {
  const { data, isSuccess } = useLiveQuery(
    FunctionNamesQuery,
    {},
    { changedBy: (change) => change.apps, keepsPrevious: true },
  );
  return { functions: data?.functionList.nodes ?? [], isKnown: isSuccess };
}
