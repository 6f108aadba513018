/** Which functions listen to events of a name, where the server need not be asked. */

interface Listener {
  triggers: readonly { type: string; value: string }[] | null;
}

/** A trigger names an event, or all whose names begin so: "shop/*". */
export function listensTo({ triggers }: Listener, name: string): boolean {
  return (triggers ?? []).some(({ type, value }) => {
    if (type !== 'EVENT') return false;
    if (value === name) return true;
    // The star stands for what follows a slash or a dot.
    const beginning = value.slice(0, -1);
    return /[/.]\*$/.test(value) && name.startsWith(beginning);
  });
}
