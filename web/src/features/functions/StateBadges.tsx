import { Badge } from '~/ui/Status';
import { type FunctionState, marksOf } from './function-state';

/** Paused, drained, archived: whatever is out of the ordinary. */
export function StateBadges({ fn }: { fn: FunctionState }) {
  return marksOf(fn).map(({ title, tone, about }) => (
    <span key={title} title={about} className="inline-flex">
      <Badge tone={tone}>{title}</Badge>
    </span>
  ));
}
