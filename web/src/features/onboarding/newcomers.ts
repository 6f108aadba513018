/** Of an app, what decides whether it has arrived. */
interface Arriving {
  id: string;
  name: string;
  error: string | null;
}

/** Apps that appeared while somebody watched: those that registered, and those that could not. */
export function newcomers<App extends Arriving>(
  apps: readonly App[],
  before: ReadonlySet<string>,
): { synced: App[]; failing: App[] } {
  const appeared = apps.filter(({ id }) => !before.has(id));
  return {
    synced: appeared.filter(({ name, error }) => name !== '' && !error),
    failing: appeared.filter(({ error }) => Boolean(error)),
  };
}
