import { endOfScalar, endOfString, skipSpace } from './json-scan';

/** How a part of a JSON text is coloured; what has no kind is brackets, commas and spaces. */
export type PartKind = 'key' | 'text' | 'number' | 'word';

export interface Part {
  kind: PartKind | null;
  text: string;
}

/** The parts of a JSON text, in order; together they are the text. */
export function partsOf(text: string): Part[] {
  const parts: Part[] = [];
  let plainFrom = 0;
  let at = 0;
  const take = (end: number, kind: PartKind) => {
    if (at > plainFrom) parts.push({ kind: null, text: text.slice(plainFrom, at) });
    parts.push({ kind, text: text.slice(at, end) });
    plainFrom = end;
    at = end;
  };
  while (at < text.length) {
    if (text[at] === '"') {
      const end = endOfString(text, at);
      take(end, text[skipSpace(text, end)] === ':' ? 'key' : 'text');
      continue;
    }
    const end = endOfScalar(text, at);
    if (end > at) take(end, /[a-z]/.test(text.charAt(at)) ? 'word' : 'number');
    else at += 1;
  }
  if (at > plainFrom) parts.push({ kind: null, text: text.slice(plainFrom) });
  return parts;
}
