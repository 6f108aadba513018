import { Link } from '@tanstack/react-router';
import { Card } from '~/ui/Card';
import { Badge } from '~/ui/Status';
import type { Trigger } from '../functions/function-state';
import { TriggerPills } from '../functions/Triggers';

interface AppFunction {
  id: string;
  name: string;
  slug: string;
  triggers: readonly Trigger[] | null;
  pause: { isDrain: boolean } | null;
}

/** Names of the same length as the longest are compared as people do: "step 2" before "step 10". */
const ORDER = new Intl.Collator(undefined, { numeric: true });

/** The functions of an app by name, each with what starts it. */
export function AppFunctions({ functions }: { functions: readonly AppFunction[] }) {
  const sorted = functions.toSorted((a, b) => ORDER.compare(a.name, b.name));
  return (
    <Card title={`Functions (${functions.length})`}>
      {sorted.length === 0 ? (
        <p className="px-4 py-3 text-ink-soft">
          None. Pass functions to the serve handler of the app, then start it again.
        </p>
      ) : (
        <ul className="max-h-[32rem] divide-y divide-line overflow-y-auto">
          {sorted.map((fn) => (
            <li key={fn.id} className="flex min-h-10 items-center gap-4 px-4 py-1.5">
              <Link
                to="/functions/$slug"
                params={{ slug: fn.slug }}
                title={fn.slug}
                className="min-w-0 flex-1 truncate hover:underline"
              >
                {fn.name}
              </Link>
              {fn.pause && <Badge tone="waiting">{fn.pause.isDrain ? 'Drained' : 'Paused'}</Badge>}
              <span className="min-w-0 max-w-[60%]">
                <TriggerPills triggers={fn.triggers ?? []} />
              </span>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
