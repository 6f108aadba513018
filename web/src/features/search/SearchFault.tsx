import { SearchX } from 'lucide-react';
import { Button } from '~/ui/Button';
import { EmptyState } from '~/ui/Notice';

/** In place of a list whose search, from a link perhaps, means nothing. */
export function SearchFault({ onRemove }: { onRemove: () => void }) {
  return (
    <EmptyState
      icon={<SearchX />}
      title="This search cannot be understood"
      actions={<Button onClick={onRemove}>Remove the search</Button>}
    >
      <p>What is wrong with it is marked above.</p>
    </EmptyState>
  );
}
