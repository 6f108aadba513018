/**
 * Names to choose from: those that are chosen, so that they can be taken back, those that came, and
 * what is typed. Only those with the typed part are there.
 */
export function nameOptions(
  known: readonly string[],
  chosen: readonly string[],
  typed: string,
): string[] {
  const part = typed.trim();
  const names = [...new Set([...chosen, ...known])].filter((name) =>
    name.toLowerCase().includes(part.toLowerCase()),
  );
  return part === '' || names.includes(part) ? names : [...names, part];
}
