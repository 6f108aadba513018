import type { SpanError } from '../queries';

/** What an error says of itself, in one text. */
export function errorTitle(error: SpanError): string {
  if (error.message) return error.message;
  const { cause } = error;
  if (typeof cause === 'string' && cause) return cause;
  if (cause !== null && cause !== undefined && typeof cause === 'object') {
    const { message } = cause as { message?: unknown };
    if (typeof message === 'string' && message) return message;
  }
  return error.name || 'Unknown error';
}

/** What caused an error; the stack of an error in plain text, anything else as JSON. */
export function causeText(cause: unknown): { text: string; language: 'json' | 'text' } | null {
  if (cause === null || cause === undefined) return null;
  if (typeof cause === 'string') return { text: cause, language: 'text' };
  const lines = stackLines(cause, 0);
  if (lines !== null) return { text: lines, language: 'text' };
  return { text: JSON.stringify(cause, null, 2), language: 'json' };
}

/** Causes may have causes; no chain is that long. */
const CAUSES_MAX = 20;
const ERROR_KEYS = new Set(['name', 'message', 'stack', 'cause', '__serialized']);

/** An error with its causes as text; null if it is not an error, or holds more than that. */
function stackLines(value: unknown, depth: number): string | null {
  if (typeof value !== 'object' || value === null || depth > CAUSES_MAX) return null;
  if (Object.keys(value).some((key) => !ERROR_KEYS.has(key))) return null;
  const { name, message, stack, cause } = value as Record<string, unknown>;
  if (typeof message !== 'string') return null;
  const head = typeof name === 'string' && name ? `${name}: ${message}` : message;
  const own = typeof stack === 'string' && stack ? stack : head;
  if (cause === null || cause === undefined) return own;
  const below = stackLines(cause, depth + 1) ?? JSON.stringify(cause, null, 2);
  return `${own}\n\nCaused by:\n${below}`;
}
