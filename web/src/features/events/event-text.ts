/**
 * The JSON of events as text. Nothing is parsed to values, so that numbers which JavaScript cannot
 * hold stay as they were written. Every text given to these functions must be JSON.
 */
import { endOfScalar, endOfString, skipSpace } from '~/ui/code/json-scan';

/** Names and texts of the members of the object that the text is; none if it is something else. */
export function membersOf(text: string): [name: string, value: string][] {
  const start = skipSpace(text, 0);
  if (text[start] !== '{') return [];
  const members: [string, string][] = [];
  for (let at = skipSpace(text, start + 1); text[at] === '"'; ) {
    const nameEnd = endOfString(text, at);
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const valueEnd = endOfValue(text, valueStart);
    members.push([JSON.parse(text.slice(at, nameEnd)) as string, text.slice(valueStart, valueEnd)]);
    at = skipSpace(text, skipSpace(text, valueEnd) + 1);
  }
  return members;
}

/** The elements of the list that the text is; none if it is something else. */
export function elementsOf(text: string): string[] {
  const start = skipSpace(text, 0);
  if (text[start] !== '[') return [];
  const elements: string[] = [];
  for (let at = skipSpace(text, start + 1); at < text.length && text[at] !== ']'; ) {
    const end = endOfValue(text, at);
    elements.push(text.slice(at, end));
    const separator = skipSpace(text, end);
    at = text[separator] === ',' ? skipSpace(text, separator + 1) : separator;
  }
  return elements;
}

/** The text of an object with these members. */
export function objectText(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}

function endOfValue(text: string, start: number): number {
  let at = start;
  let depth = 0;
  do {
    at = skipSpace(text, at);
    const mark = text[at];
    if (mark === '"') at = endOfString(text, at);
    else if (mark === '{' || mark === '[') {
      depth += 1;
      at += 1;
    } else if (mark === '}' || mark === ']') {
      depth -= 1;
      at += 1;
    } else if (mark === ',' || mark === ':') at += 1;
    else at = endOfScalar(text, at);
  } while (depth > 0 && at < text.length);
  return at;
}
