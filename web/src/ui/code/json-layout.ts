import { endOfScalar, endOfString, skipSpace } from './json-scan';

/** Deeper levels stay on the line of the last one. */
const LEVELS_MAX = 60;
/** A layout may be this many times as long as the text, plus a little for short ones. */
const GROWTH_MAX = 12;
const GROWTH_FREE = 10_000;

/**
 * A JSON text set out over lines; null if it is not JSON, or if its layout would be far longer than
 * the text.
 *
 * Numbers and the order and repetition of keys stay as they were written, which parsing and writing
 * anew would not guarantee. Escaped letters of other alphabets become readable.
 */
export function setOut(text: string): string | null {
  if (!isJson(text)) return null;
  const lengthMax = text.length * GROWTH_MAX + GROWTH_FREE;
  let out = '';
  let level = 0;
  for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, at)) {
    if (out.length > lengthMax) return null;
    const mark = text.charAt(at);
    switch (mark) {
      case '"': {
        const end = endOfString(text, at);
        out += readable(text.slice(at, end));
        at = end;
        break;
      }
      case '{':
      case '[': {
        at = skipSpace(text, at + 1);
        const after = text.charAt(at);
        if (after === '}' || after === ']') {
          out += mark + after;
          at += 1;
        } else {
          level += 1;
          out += mark + lineBreak(level);
        }
        break;
      }
      case '}':
      case ']':
        level -= 1;
        out += level < LEVELS_MAX ? lineBreak(level) + mark : mark;
        at += 1;
        break;
      case ',':
        out += level <= LEVELS_MAX ? mark + lineBreak(level) : ', ';
        at += 1;
        break;
      case ':':
        out += ': ';
        at += 1;
        break;
      default: {
        const end = endOfScalar(text, at);
        out += text.slice(at, end);
        at = end;
      }
    }
  }
  return out;
}

const LINE_BREAKS = Array.from({ length: LEVELS_MAX + 1 }, (_, level) => `\n${'  '.repeat(level)}`);

/** A line break and the indentation of a level; nothing where levels are not set out any more. */
function lineBreak(level: number): string {
  return LINE_BREAKS[level] ?? '';
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A string with what is escaped without need written plainly. */
function readable(string: string): string {
  return string.includes('\\u') ? JSON.stringify(JSON.parse(string)) : string;
}
