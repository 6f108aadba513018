/** Where the parts of a JSON text end. Works on any text, and looks at each character about once. */

const BACKSLASH = 92;
/** Marks that end a number or a word. */
const MARKS = new Set([...'{}[],:"'].map((mark) => mark.charCodeAt(0)));

/** The index after the string that begins at `start`; the end of the text if it is not closed. */
export function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let slashes = 0;
    while (quote - 1 - slashes > start && text.charCodeAt(quote - 1 - slashes) === BACKSLASH) {
      slashes += 1;
    }
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** The index after the number or word that begins at `start`; `start` if a mark or a space stands there. */
export function endOfScalar(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (isSpace(code) || MARKS.has(code)) break;
    at += 1;
  }
  return at;
}

/** The index of the first character from `start` on that is no white space. */
export function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length && isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9;
}
