/** The words of CEL, as far as they are coloured. */
import { StreamLanguage, type StringStream } from '@codemirror/language';

const ROOTS = new Set(['event', 'output', 'error']);
const WORDS = new Set(['true', 'false', 'null', 'in']);
const METHODS = new Set(['contains', 'startsWith', 'endsWith', 'matches']);

export type CelToken =
  | 'string'
  | 'number'
  | 'keyword'
  | 'function'
  | 'propertyName'
  | 'operator'
  | 'comment';

/** Reads one token and says what it is; null for what has no colour. */
export function readCelToken(stream: StringStream): CelToken | null {
  if (stream.eatSpace()) return null;
  if (stream.match(/^\/\/.*/)) return 'comment';
  // A text ends with its line, closed or not.
  if (stream.match(/^r?"(?:\\.|[^"\\])*"?/) || stream.match(/^r?'(?:\\.|[^'\\])*'?/)) {
    return 'string';
  }
  if (stream.match(/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?u?/)) return 'number';
  if (stream.match(/^(?:[=!<>]=|&&|\|\||[<>!])/)) return 'operator';
  const isMember = stream.pos > 0 && stream.string[stream.pos - 1] === '.';
  if (stream.match(/^[A-Za-z_]\w*/)) {
    const word = stream.current();
    if (isMember) return METHODS.has(word) && stream.peek() === '(' ? 'function' : 'propertyName';
    if (WORDS.has(word)) return 'keyword';
    return ROOTS.has(word) ? 'propertyName' : null;
  }
  stream.next();
  return null;
}

export const cel = StreamLanguage.define({
  name: 'cel',
  token: readCelToken,
  languageData: { closeBrackets: { brackets: ['(', '[', '"', "'"] } },
});
