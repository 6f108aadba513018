/** What a function is invoked with: checked as it is typed, remembered for each function. */
import { isText, recall, remember } from '~/lib/storage';

export type InvokeData = Record<string, unknown>;

/** The data of the text, or what is wrong with it. */
export function readData(text: string): { data: InvokeData } | { problem: string } {
  if (text.trim() === '') return { data: {} };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { problem: `This is not JSON: ${reason}` };
  }
  if (!isObject(value)) return { problem: 'The data of an event is an object: { … }.' };
  return { data: value };
}

/** The text to begin with: what is given, else what was sent last, else an empty object. */
export function initialText(slug: string, given: unknown): string {
  if (isObject(given)) return JSON.stringify(given, null, 2);
  return recall(keyOf(slug), isText) ?? '{\n  \n}';
}

export function rememberText(slug: string, text: string): void {
  remember(keyOf(slug), text);
}

const keyOf = (slug: string) => `invoke.${slug}`;

function isObject(value: unknown): value is InvokeData {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
