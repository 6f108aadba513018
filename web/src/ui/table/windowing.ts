import { defaultRangeExtractor, type Range } from '@tanstack/react-virtual';

/**
 * The rows to draw: those in view and one more, wherever it is, so that what has the focus does not
 * vanish while one scrolls.
 */
export function withPinned(range: Range, pinned: number): number[] {
  const shown = defaultRangeExtractor(range);
  if (pinned < 0 || pinned >= range.count) return shown;
  const [first = 0] = shown;
  const last = shown.at(-1) ?? -1;
  if (pinned < first) return [pinned, ...shown];
  if (pinned > last) return [...shown, pinned];
  return shown;
}
