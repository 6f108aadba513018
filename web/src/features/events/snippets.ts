/** Programs that send what was written. None of them holds a key. */
import { setOut } from '~/ui/code/json-layout';
import { elementsOf, membersOf } from './event-text';

export type SnippetKind = 'typescript' | 'python' | 'curl';

export interface Destination {
  /** Where the server is, as the browser sees it, without a slash at the end. */
  origin: string;
  /** Whether it asks for an event key. */
  needsKey: boolean;
}

/** Longer command lines are refused by shells and systems; then the event comes from stdin. */
const ARGUMENT_CHARS_MAX = 100_000;
/** The parts of an event that the Python SDK can send. */
const PYTHON_PARTS = ['name', 'data', 'id', 'ts'];

/** @param text The JSON of an event or of a list of events. */
export function snippet(kind: SnippetKind, text: string, destination: Destination): string {
  if (kind === 'curl') return curlSnippet(text, destination);
  return kind === 'python'
    ? pythonSnippet(text, destination)
    : typescriptSnippet(text, destination);
}

/** A command line that sends the events; the key, if there must be one, is taken from a variable. */
export function curlSnippet(text: string, { origin, needsKey }: Destination): string {
  const url = needsKey ? `"${origin}/e/$INNGEST_EVENT_KEY"` : `${origin}/e/dev`;
  const command = `curl -X POST ${url} \\\n  -H 'Content-Type: application/json' \\\n`;
  const body = laidOut(text);
  if (body.length > ARGUMENT_CHARS_MAX) {
    return `${command}  --data-binary @- <<'EVENTS'\n${body}\nEVENTS\n`;
  }
  return `${command}  --data-raw '${body.replaceAll("'", `'\\''`)}'\n`;
}

function typescriptSnippet(text: string, destination: Destination): string {
  return `import { Inngest } from "inngest";

// ${environmentOf(destination)}
const inngest = new Inngest({ id: "my-app" });

await inngest.send(${javascriptOf(text)});
`;
}

const laidOut = (text: string): string => setOut(text) ?? text.trim();

/** What has to be in the environment of the program. */
function environmentOf({ origin, needsKey }: Destination): string {
  return needsKey
    ? `Set INNGEST_BASE_URL=${origin} and INNGEST_EVENT_KEY to an event key.`
    : `Set INNGEST_DEV=${origin}`;
}

/** JSON as people write it in JavaScript: names without quotes where they need none. */
function javascriptOf(text: string): string {
  return replacedOutsideTexts(laidOut(text), {
    // In JavaScript this name is not a member but the prototype.
    name: (name) =>
      name === '"__proto__"' ? '["__proto__"]' : name.replace(/^"([A-Za-z_$][\w$]*)"$/, '$1'),
    word: (word) => word,
    text: (value) => value,
  });
}

function pythonSnippet(text: string, destination: Destination): string {
  const events = text.trimStart().startsWith('[') ? elementsOf(text) : [text];
  const calls = events.map(pythonEvent);
  const sent =
    calls.length === 1 && calls[0] !== undefined
      ? calls[0]
      : `[\n${calls.map((call) => `${indented(call)},`).join('\n')}\n]`;
  return `import inngest

# ${environmentOf(destination)}
client = inngest.Inngest(app_id="my-app")

client.send_sync(
${indented(sent)}
)
`;
}

function pythonEvent(text: string): string {
  const members = membersOf(text).filter(([name]) => PYTHON_PARTS.includes(name));
  const lines = members.map(
    ([name, value]) => `    ${name}=${indented(pythonOf(value)).trimStart()},`,
  );
  const left = membersOf(text)
    .map(([name]) => name)
    .filter((name) => !PYTHON_PARTS.includes(name));
  const remark = left.length > 0 ? [`    # The Python SDK does not send: ${left.join(', ')}`] : [];
  return ['inngest.Event(', ...lines, ...remark, ')'].join('\n');
}

/** JSON as a Python literal. */
function pythonOf(text: string): string {
  const words: Record<string, string> = { true: 'True', false: 'False', null: 'None' };
  // Escapes are undone: Python knows neither \/ nor pairs of \u.
  const literal = (text: string) => JSON.stringify(JSON.parse(text));
  return replacedOutsideTexts(laidOut(text), {
    name: literal,
    word: (word) => words[word] ?? word,
    text: literal,
  });
}

interface Replacements {
  name: (literal: string) => string;
  text: (literal: string) => string;
  word: (word: string) => string;
}

/** JSON with its names, texts and words replaced. */
function replacedOutsideTexts(json: string, replace: Replacements): string {
  return json.replace(
    /"(?:[^"\\]|\\.)*"(:?)|\b(?:true|false|null)\b/g,
    (found, colon: string | undefined) => {
      if (!found.startsWith('"')) return replace.word(found);
      return colon ? `${replace.name(found.slice(0, -1))}:` : replace.text(found);
    },
  );
}

/** Four spaces before every line but those inside texts, which have no line breaks in JSON. */
function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '    ');
}
