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
  const parts: string[] = [];
  let length = 0;
  let level = 0;
  const add = (part: string) => {
    parts.push(part);
    length += part.length;
  };
  const breakLine = () => level <= LEVELS_MAX && add(`\n${'  '.repeat(level)}`);
  for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, at)) {
    if (length > lengthMax) return null;
    const mark = text.charAt(at);
    if (mark === '"') {
      const end = endOfString(text, at);
      add(readable(text.slice(at, end)));
      at = end;
    } else if (mark === '{' || mark === '[') {
      at = skipSpace(text, at + 1);
      if (text[at] === '}' || text[at] === ']') {
        add(mark === '{' ? '{}' : '[]');
        at += 1;
      } else {
        level += 1;
        add(mark);
        breakLine();
      }
    } else if (mark === '}' || mark === ']') {
      const isBroken = level <= LEVELS_MAX;
      level -= 1;
      if (isBroken) breakLine();
      add(mark);
      at += 1;
    } else if (mark === ',') {
      add(level <= LEVELS_MAX ? ',' : ', ');
      breakLine();
      at += 1;
    } else if (mark === ':') {
      add(': ');
      at += 1;
    } else {
      const end = endOfScalar(text, at);
      add(text.slice(at, end));
      at = end;
    }
  }
  return parts.join('');
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
