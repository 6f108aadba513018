/** How a text is shown, by its size. Chosen by measuring in Chromium on two cores. */

/** Up to here a text is plain coloured HTML: no editor is loaded. In characters. */
const SIMPLE_CHARS_MAX = 32_768;
const SIMPLE_LINES_MAX = 1_500;
/** Beyond this, nobody reads it on a page. In characters. */
const SHOWN_CHARS_MAX = 2_000_000;
/** How much of a text is shown that is too large. In characters. */
export const BEGINNING_CHARS = 65_536;

/** Lines up to here can be wrapped and coloured without a noticeable pause. In characters. */
const LINE_CHARS_MAX = 50_000;

/** `simple`: as HTML; `large`: in a viewer that draws what is seen; `huge`: only its beginning. */
export type TextSize = 'simple' | 'large' | 'huge';

export function sizeOf(text: string): TextSize {
  if (text.length > SHOWN_CHARS_MAX) return 'huge';
  return text.length <= SIMPLE_CHARS_MAX ? 'simple' : 'large';
}

/** Whether a text that was set out is still one for plain HTML. */
export function hasFewLines(text: string): boolean {
  let lines = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
    lines += 1;
    if (lines > SIMPLE_LINES_MAX) return false;
  }
  return true;
}

/** Whether a text has a line so long that the viewer leaves it alone. */
export function hasLongLine(text: string): boolean {
  let from = 0;
  while (text.length - from > LINE_CHARS_MAX) {
    const end = text.lastIndexOf('\n', from + LINE_CHARS_MAX);
    if (end < from) return true;
    from = end + 1;
  }
  return false;
}
