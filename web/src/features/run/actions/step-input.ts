import { faultOf } from '~/ui/code/json-fault';
import { setOut } from '~/ui/code/json-layout';

/** What is wrong with a text, or the JSON to send: null leaves the input to the app. */
export type ReadInput = { error: string } | { json: string | null };

/**
 * Reads what was written as the input of a step. A step takes a list of arguments: a value that is
 * not a list is its only one. The text is sent as it was written, so that no number changes.
 */
export function readInput(text: string): ReadInput {
  const written = text.trim();
  if (written === '') return { json: null };
  const fault = faultOf(written);
  if (fault) return { error: `${fault.message} (character ${fault.from + 1}).` };
  return { json: written.startsWith('[') ? written : `[${written}]` };
}

/** JSON set out over lines; any other text as it is. */
export function setOutInput(text: string | null): string {
  return text ? (setOut(text) ?? text) : '';
}
