/** What somebody has written to be sent: one event or a list of them, as text. */
import { faultOf } from '~/ui/code/json-fault';
import { setOut } from '~/ui/code/json-layout';
import { membersOf, objectText } from './event-text';

/** The server takes no more at once. */
export const EVENTS_MAX = 5_000;
const EVENT_BYTES_MAX = 3 * 1024 * 1024;
/** What a number has to be to be a time in milliseconds: between 1980 and 2100. */
const TS_MIN = Date.UTC(1980, 0, 1);
const TS_MAX = Date.UTC(2100, 0, 1);
const PARTS = new Set(['name', 'data', 'id', 'ts', 'user', 'v', 'meta']);

/** Whether a name is one of those that only the server gives. */
export const isInternalName = (name: string): boolean => name.toLowerCase().startsWith('inngest/');

export interface Draft {
  /** The text of a JSON list with exactly what was written. */
  eventsText: string;
  names: string[];
  /** What is there but will not have an effect. */
  remarks: string[];
}

export type DraftCheck =
  | { draft: Draft; problem: null }
  /** `isSyntax`: it is not even JSON, which the editor marks where it is. */
  | { draft: null; problem: string; isSyntax: boolean };

/** Reads what was written; the first thing that the server would refuse is the problem. */
export function checkDraft(text: string): DraftCheck {
  if (text.trim() === '') return refuse('Write an event: {"name": "…", "data": {…}}.');
  const fault = faultOf(text);
  if (fault)
    return {
      draft: null,
      problem: `${placeOf(text, fault.from)}: ${fault.message}.`,
      isSyntax: true,
    };
  const value: unknown = JSON.parse(text);
  const isList = Array.isArray(value);
  const events: unknown[] = isList ? value : [value];
  if (events.length === 0) return refuse('The list is empty: there is nothing to send.');
  if (events.length > EVENTS_MAX) {
    const counts = `at most ${EVENTS_MAX.toLocaleString()} events, not ${events.length.toLocaleString()}`;
    return refuse(`The server takes ${counts}, at once.`);
  }
  for (const [index, event] of events.entries()) {
    const problem = problemOf(event);
    if (problem) return refuse(isList ? `Event ${index + 1}: ${problem}` : problem);
  }
  const large = largeEvent(events, isList, text);
  if (large) return refuse(large);
  return {
    draft: {
      eventsText: isList ? text : `[${text}]`,
      names: events.map((event) => String((event as { name: unknown }).name)),
      remarks: remarksOn(events as Record<string, unknown>[]),
    },
    problem: null,
  };
}

const refuse = (problem: string): DraftCheck => ({ draft: null, problem, isSyntax: false });

function placeOf(text: string, position: number): string {
  const before = text.slice(0, position);
  const line = before.split('\n').length;
  return `Line ${line}, column ${position - before.lastIndexOf('\n')}`;
}

function problemOf(event: unknown): string | null {
  if (!isObject(event)) return 'An event is an object: {"name": "…", "data": {…}}.';
  const { name, data, user, meta, ts, id, v } = event;
  if (name === undefined) return 'The name is missing: add "name".';
  if (typeof name !== 'string') return 'The name must be a text.';
  if (name === '') return 'The name is empty.';
  if (isInternalName(name)) return 'Names that begin with inngest/ are the server’s own.';
  for (const [part, given] of Object.entries({ data, user, meta })) {
    if (given !== undefined && given !== null && !isObject(given)) {
      return `"${part}" must be an object.`;
    }
  }
  for (const [part, given] of Object.entries({ id, v })) {
    if (given !== undefined && given !== null && typeof given !== 'string') {
      return `"${part}" must be a text.`;
    }
  }
  return ts === undefined || ts === null || ts === 0 ? null : problemOfTime(ts);
}

function problemOfTime(ts: unknown): string | null {
  if (typeof ts !== 'number' || !Number.isInteger(ts)) {
    return '"ts" must be a whole number: milliseconds since 1970.';
  }
  if (ts < TS_MIN) return '"ts" is before 1980: it must be in milliseconds, not seconds.';
  return ts > TS_MAX ? '"ts" is after 2100: it must be in milliseconds.' : null;
}

/**
 * A problem with the size of an event, which the server measures without white space. Texts that
 * are small altogether are not measured.
 */
function largeEvent(events: readonly unknown[], isList: boolean, text: string): string | null {
  // UTF-8 needs three bytes for a unit of UTF-16 at most.
  if (text.length * 3 <= EVENT_BYTES_MAX) return null;
  const encoder = new TextEncoder();
  const sizes = events.map((event) => encoder.encode(JSON.stringify(event)).length);
  const index = sizes.findIndex((size) => size > EVENT_BYTES_MAX);
  if (index < 0) return null;
  const subject = isList ? `Event ${index + 1}` : 'The event';
  const mebibytes = ((sizes[index] ?? 0) / 1024 / 1024).toFixed(1);
  return `${subject} has ${mebibytes} MiB; 3 MiB is the most that one may have.`;
}

function remarksOn(events: readonly Record<string, unknown>[]): string[] {
  const unknown = new Set(
    events.flatMap((event) => Object.keys(event)).filter((part) => !PARTS.has(part)),
  );
  const remarks: string[] = [];
  if (unknown.size > 0) {
    const names = [...unknown].slice(0, 5).map((part) => `"${part}"`);
    remarks.push(`The server drops ${names.join(', ')}: put it into "data" if it is to be kept.`);
  }
  const ids = events.map(({ id }) => id).filter((id) => typeof id === 'string' && id !== '');
  if (ids.length > 0) {
    remarks.push(
      'An event with the "id" of an earlier one starts nothing: take the id out to send it as a new one.',
    );
  }
  return remarks;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * What to write to send an event again as a new one: without `id` and `ts`, and without what the
 * server adds. Numbers stay as they were written.
 *
 * @param raw The JSON of the event.
 */
export function draftOf(raw: string): string {
  const members = membersOf(raw).filter(
    ([name, value]) => name !== 'id' && name !== 'ts' && value !== 'null',
  );
  const order = ['name', 'data'];
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  const text = objectText(members.sort(([a], [b]) => rank(a) - rank(b)));
  return setOut(text) ?? text;
}

/** What to write for an event of which only the name is known. */
export function emptyDraft(name: string): string {
  return JSON.stringify({ name, data: {} }, null, 2);
}
