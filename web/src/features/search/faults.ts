/** What is wrong with a search, and where. */
import { RequestError } from '~/lib/request';

export interface Fault {
  message: string;
  /** From 1; null where the server does not say. */
  line: number | null;
  /** From 1, in characters of the line. */
  column: number | null;
}

/** What a refused request says about the search in it; null if it was refused for something else. */
export function faultOf(error: Error | null): Fault | null {
  if (!(error instanceof RequestError)) return null;
  if (error.code !== 'SEARCH_INVALID' && error.code !== 'expression_invalid') return null;
  const { reason, line, column } = error.details;
  return {
    message: typeof reason === 'string' ? reason : error.message,
    line: typeof line === 'number' ? line : null,
    column: typeof column === 'number' ? column : null,
  };
}

/** The word that is wrong, as offsets in the text; the whole line if its column is not known. */
export function spanOf(text: string, { line, column }: Fault): { from: number; to: number } | null {
  if (line === null) return null;
  const lines = text.split('\n');
  const found = lines[line - 1];
  if (found === undefined) return null;
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  if (column === null) return { from: start, to: start + found.length };
  // Columns count characters, offsets count halves of those beyond the basic plane.
  const before = [...found].slice(0, column - 1).join('').length;
  const [word = ''] = /^(?:[\w.]+|"(?:\\.|[^"\\])*"?|\S)/.exec(found.slice(before)) ?? [];
  // Behind the last word something is missing: that word is marked then.
  if (word === '') {
    const [last = ''] = /\S+\s*$/.exec(found.slice(0, before)) ?? [];
    return { from: start + before - last.length, to: start + before };
  }
  return { from: start + before, to: start + before + word.length };
}
