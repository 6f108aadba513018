/** What can be written next in a search. */

export type SearchSubject = 'RUNS' | 'EVENTS';

export interface Suggestion {
  label: string;
  about: string;
  kind: 'path' | 'operator' | 'method';
  /** Where the cursor goes, counted from the end of what is put in; 0 is behind it. */
  cursorBack?: number;
}

export interface Suggestions {
  /** How many characters before the cursor they replace. */
  typed: number;
  options: readonly Suggestion[];
}

const EVENT_PATHS: readonly Suggestion[] = [
  path('event.data.', 'what the sender put in'),
  path('event.name', 'name, such as shop/order'),
  path('event.id', 'id of the sender or of the server'),
  path('event.ts', 'time in milliseconds since 1970'),
  path('event.v', 'version'),
];
const PATHS: Record<SearchSubject, readonly Suggestion[]> = {
  EVENTS: EVENT_PATHS,
  RUNS: [
    ...EVENT_PATHS,
    path('output', 'what the run returned'),
    path('output.', 'a field of what it returned'),
    path('error', 'why it failed'),
    path('error.message', 'message of the error'),
    path('error.name', 'kind of the error'),
    path('error.stack', 'where it was thrown'),
  ],
};

const EQUALITY: readonly Suggestion[] = [
  operator('==', 'equals'),
  operator('!=', 'is there and differs'),
];
const ORDER: readonly Suggestion[] = [
  operator('>', 'is greater'),
  operator('>=', 'is greater or equal'),
  operator('<', 'is less'),
  operator('<=', 'is less or equal'),
];
const MEMBERSHIP: Suggestion = { ...operator('in []', 'is one of'), cursorBack: 1 };

const METHODS: readonly Suggestion[] = [
  method('contains', 'has the text in it'),
  method('startsWith', 'begins with the text'),
  method('endsWith', 'ends with the text'),
  method('matches', 'fits the pattern (RE2)'),
];

const PATH = /^(?:event|output|error)(?:\.[A-Za-z_]\w*|\[(?:"[^"]*"|\d+)\])*/;

/**
 * What can follow the text of a line up to the cursor; null for nothing: within texts, and behind an
 * operator, where a value is to be written.
 */
export function suggestionsFor(line: string, subject: SearchSubject): Suggestions | null {
  const condition = lastCondition(line);
  if (condition === null) return null;
  if (!/\s/.test(condition)) return ofPath(condition, subject);
  const [found] = PATH.exec(condition) ?? [];
  const rest = found === undefined ? null : /^\s+([=!<>in]*)$/.exec(condition.slice(found.length));
  if (found === undefined || !rest) return null;
  const typed = rest[1] ?? '';
  return fitting(typed, operatorsFor(found));
}

/** The part of the line behind the last `&&`, `||` or bracket, without `!`; null within a text. */
function lastCondition(line: string): string | null {
  const withoutTexts = line.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, (text) =>
    '_'.repeat(text.length),
  );
  if (/["']/.test(withoutTexts)) return null;
  const behind = withoutTexts.split(/&&|\|\||\(/).pop() ?? '';
  return line.slice(line.length - behind.length).replace(/^[\s!]+/, '');
}

function ofPath(typed: string, subject: SearchSubject): Suggestions | null {
  const dot = typed.lastIndexOf('.');
  const owner = typed.slice(0, Math.max(0, dot));
  const hasText = dot > 0 && isText(owner) && PATH.exec(owner)?.[0] === owner;
  const methods = hasText ? fitting(typed.slice(dot + 1), METHODS) : null;
  return methods ?? fitting(typed, PATHS[subject]);
}

function fitting(typed: string, options: readonly Suggestion[]): Suggestions | null {
  const found = options.filter(({ label }) => label.startsWith(typed) && label !== typed);
  return found.length > 0 ? { typed: typed.length, options: found } : null;
}

function operatorsFor(found: string): readonly Suggestion[] {
  if (found === 'event.ts') return [...EQUALITY, ...ORDER];
  if (/^event\.(id|name|v)$/.test(found)) return [...EQUALITY, MEMBERSHIP];
  return [...EQUALITY, ...ORDER, MEMBERSHIP];
}

/** Whether there may be a text at the path. */
function isText(owner: string): boolean {
  return !['event', 'event.data', 'event.ts', 'error'].includes(owner);
}

function path(label: string, about: string): Suggestion {
  return { label, about, kind: 'path' };
}

function operator(label: string, about: string): Suggestion {
  return { label, about, kind: 'operator' };
}

function method(name: string, about: string): Suggestion {
  return { label: `${name}("")`, about, kind: 'method', cursorBack: 2 };
}
