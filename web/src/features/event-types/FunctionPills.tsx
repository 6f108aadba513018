import { Link } from '@tanstack/react-router';

const SHOWN_MAX = 2;

interface NamedFunction {
  id: string;
  name: string;
  slug: string;
}

/** Functions as links: the first ones by name, of the others how many they are. */
export function FunctionPills({ functions }: { functions: readonly NamedFunction[] }) {
  if (functions.length === 0) return <span className="text-ink-faint">None</span>;
  const others = functions.slice(SHOWN_MAX);
  return (
    <span className="flex min-w-0 items-center gap-1.5">
      {functions.slice(0, SHOWN_MAX).map(({ id, name, slug }) => (
        <Link
          key={id}
          to="/functions/$slug"
          params={{ slug }}
          title={name}
          className="inline-flex h-6 min-w-0 items-center rounded border border-line bg-canvas px-1.5 text-ink-soft text-xs hover:border-line-strong hover:text-ink"
        >
          <span className="truncate">{name}</span>
        </Link>
      ))}
      {others.length > 0 && (
        <span
          className="shrink-0 text-ink-soft text-xs"
          title={others.map(({ name }) => name).join('\n')}
        >
          +{others.length.toLocaleString()}
        </span>
      )}
    </span>
  );
}
