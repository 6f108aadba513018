import type { Option } from '~/ui/Select';

/**
 * The options together with what is chosen but is none of them, such as an app that was removed:
 * the choice must stay visible to be taken back.
 */
export function withUnknown(
  known: readonly Option<string>[],
  chosen: readonly string[],
  name: string,
): Option<string>[] {
  const unknown = chosen.filter((value) => known.every((option) => option.value !== value));
  return [...known, ...unknown.map((value) => ({ value, title: `${name} ${value.slice(0, 8)}` }))];
}
