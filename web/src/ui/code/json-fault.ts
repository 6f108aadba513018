import { endOfString, skipSpace } from './json-scan';

/** Why a text is not JSON, and which characters cause it. */
export interface JsonFault {
  from: number;
  to: number;
  message: string;
}

/** What may stand next. */
type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end';

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;
const WORD = /[-+.\w$]+/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what JSON forbids
const CONTROL = /[\u0000-\u001f]/;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})?/g;

/** The first fault of a text that should be JSON; null if it is JSON. */
export function faultOf(text: string): JsonFault | null {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  for (let at = skipSpace(text, 0); at < text.length; at = skipSpace(text, at)) {
    const mark = text.charAt(at);
    if (expected === ', or end') {
      const around = open.at(-1);
      if (around === undefined) return fault(at, text.length, 'The value has ended; remove this');
      if (mark === ',') expected = around === '{' ? 'key' : 'value';
      else if (mark === closing(around)) open.pop();
      else return notSeparated(text, at, around);
      at += 1;
    } else if (expected === ':') {
      if (mark !== ':') return fault(at, at + 1, 'Put a colon between the name and its value');
      expected = 'value';
      at += 1;
    } else if (mark === '"') {
      const end = endOfString(text, at);
      const wrong = faultOfString(text, at, end);
      if (wrong) return wrong;
      expected = expected.startsWith('key') ? ':' : ', or end';
      at = end;
    } else if (expected.startsWith('key')) {
      if (mark !== '}') return notAKey(text, at);
      if (expected === 'key') return fault(at, at + 1, 'Remove the comma before this bracket');
      open.pop();
      expected = ', or end';
      at += 1;
    } else if (mark === '{' || mark === '[') {
      open.push(mark);
      expected = mark === '{' ? 'key or }' : 'value or ]';
      at += 1;
    } else if (mark === ']' && expected === 'value or ]') {
      open.pop();
      expected = ', or end';
      at += 1;
    } else {
      const end = endOfValue(text, at);
      if (end === at) return notAValue(text, at, open.at(-1));
      expected = ', or end';
      at = end;
    }
  }
  return expected === ', or end' && open.length === 0 ? null : unfinished(text, open.at(-1));
}

function fault(from: number, to: number, message: string): JsonFault {
  return { from, to, message };
}

function closing(bracket: '{' | '['): '}' | ']' {
  return bracket === '{' ? '}' : ']';
}

/** The index after the number, true, false or null at `start`; `start` if there is none. */
function endOfValue(text: string, start: number): number {
  const word = wordAt(text, start);
  if (word === 'true' || word === 'false' || word === 'null') return start + word.length;
  NUMBER.lastIndex = start;
  return NUMBER.exec(text)?.[0] === word ? start + word.length : start;
}

function wordAt(text: string, start: number): string {
  WORD.lastIndex = start;
  return WORD.exec(text)?.[0] ?? '';
}

function faultOfString(text: string, start: number, end: number): JsonFault | null {
  const line = text.slice(start, end).indexOf('\n');
  if (line > 0) {
    return fault(
      start,
      start + line,
      'Close the text with a " on the same line; a line break is \\n',
    );
  }
  if (end - start < 2 || text[end - 1] !== '"') return fault(start, end, 'Close the text with a "');
  const inside = text.slice(start + 1, end - 1);
  const control = CONTROL.exec(inside);
  if (control) {
    const at = start + 1 + control.index;
    return fault(at, at + 1, 'Write this character with a backslash; a tab is \\t');
  }
  for (const found of inside.matchAll(ESCAPE)) {
    if (found[0].length > 1) continue;
    const at = start + 1 + found.index;
    return fault(at, at + 2, 'Write a backslash as \\\\');
  }
  return null;
}

function notSeparated(text: string, at: number, around: '{' | '['): JsonFault {
  const mark = text.charAt(at);
  if (mark === '}' || mark === ']') {
    return fault(at, at + 1, `Close ${around} with ${closing(around)} first`);
  }
  const end = at + Math.max(1, wordAt(text, at).length);
  return fault(at, end, 'Put a comma before this');
}

function notAKey(text: string, at: number): JsonFault {
  const end = at + Math.max(1, wordAt(text, at).length);
  const mark = text.charAt(at);
  if (mark === ',') return fault(at, end, 'Remove this comma');
  return fault(at, end, 'A name stands here, in double quotes');
}

function notAValue(text: string, at: number, around: '{' | '[' | undefined): JsonFault {
  const mark = text.charAt(at);
  const word = wordAt(text, at);
  const end = at + Math.max(1, word.length);
  if (mark === ']' && around === '[') return fault(at, end, 'Remove the comma before this bracket');
  if (mark === '}' || mark === ']' || mark === ',')
    return fault(at, end, 'A value is missing here');
  if (mark === "'") return fault(at, end, 'Texts stand in double quotes');
  if (/^[-+.\d]/.test(word)) return fault(at, end, 'This is not a number that JSON knows');
  if (text.startsWith('//', at) || text.startsWith('/*', at)) {
    return fault(at, at + 2, 'JSON has no comments');
  }
  if (word) return fault(at, end, 'Put a text in double quotes; words are true, false and null');
  return fault(at, end, 'A value stands here');
}

function unfinished(text: string, around: '{' | '[' | undefined): JsonFault {
  const to = text.trimEnd().length;
  const from = Math.max(0, to - 1);
  if (around === undefined) return fault(from, to, 'A value is missing');
  return fault(from, to, `The text ends before ${around} is closed with ${closing(around)}`);
}
