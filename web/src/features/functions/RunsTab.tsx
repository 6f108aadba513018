import { useMemo } from 'react';
import { RunsList } from '~/features/runs/RunsList';
import type { RunsSearch } from '~/features/runs/run-search';
import { Skeleton } from '~/ui/Skeleton';
import { useFunction } from './queries';

interface RunsTabProps {
  slug: string;
  search: RunsSearch;
  onSearch: (search: RunsSearch) => void;
}

/** The runs of one function. */
export function RunsTab({ slug, search, onSearch }: RunsTabProps) {
  const { fn } = useFunction(slug);
  const functionId = fn?.id;
  const scope = useMemo(
    () => (functionId ? { functionSlug: slug, functionId } : null),
    [slug, functionId],
  );
  if (!scope) return <Skeleton lines={8} />;
  return (
    <div className="min-h-0 flex-1">
      <RunsList scope={scope} search={search} onSearch={onSearch} />
    </div>
  );
}
