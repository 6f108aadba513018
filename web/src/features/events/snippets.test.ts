import { describe, expect, it } from 'vitest';
import { snippet } from './snippets';

const DEV = { origin: 'http://127.0.0.1:8288', needsKey: false };
const START = { origin: 'https://jobs.example.com', needsKey: true };
const EVENT =
  '{"name":"shop/order","data":{"is paid":true,"note":null,"say":"it\'s 1/2","n":1.10}}';

describe('curl', () => {
  it('needs no key of a development server', () => {
    expect(snippet('curl', '{"name":"a"}', DEV)).toBe(
      "curl -X POST http://127.0.0.1:8288/e/dev \\\n  -H 'Content-Type: application/json' \\\n" +
        '  --data-raw \'{\n  "name": "a"\n}\'\n',
    );
  });

  it('names a variable for the key of another server', () => {
    expect(snippet('curl', EVENT, START)).toContain(
      'curl -X POST "https://jobs.example.com/e/$INNGEST_EVENT_KEY"',
    );
  });

  it('quotes for the shell', () => {
    expect(snippet('curl', EVENT, DEV)).toContain(`"say": "it'\\''s 1/2"`);
  });

  it('sends much by stdin', () => {
    const text = JSON.stringify({ name: 'a', data: { x: `'${'x'.repeat(200_000)}` } });
    const command = snippet('curl', text, DEV);
    expect(command).toContain("--data-binary @- <<'EVENTS'\n{");
    expect(command).toContain(`"'xxx`);
    expect(command.endsWith('\n}\nEVENTS\n')).toBe(true);
  });
});

describe('typescript', () => {
  it('writes names without quotes where they need none', () => {
    const text = snippet('typescript', EVENT, DEV);
    expect(text).toContain(
      `await inngest.send({
  name: "shop/order",
  data: {
    "is paid": true,
    note: null,
    say: "it's 1/2",
    n: 1.10
  }
});`,
    );
    expect(text).toContain('// Set INNGEST_DEV=http://127.0.0.1:8288');
  });

  it('does not take texts for names', () => {
    expect(
      snippet('typescript', '{"name":"a","data":{"t":"\\"x\\": 1","__proto__":1}}', DEV),
    ).toContain('t: "\\"x\\": 1",\n    ["__proto__"]: 1');
  });
});

describe('python', () => {
  it('writes a literal', () => {
    expect(snippet('python', EVENT, START)).toBe(
      `import inngest

# Set INNGEST_BASE_URL=https://jobs.example.com and INNGEST_EVENT_KEY to an event key.
client = inngest.Inngest(app_id="my-app")

client.send_sync(
    inngest.Event(
        name="shop/order",
        data={
          "is paid": True,
          "note": None,
          "say": "it's 1/2",
          "n": 1.10
        },
    )
)
`,
    );
  });

  it('leaves words in texts alone, undoes escapes, and says what the SDK does not send', () => {
    const text = snippet(
      'python',
      '[{"name":"a","data":{"t":"true \\/ \\ud83d\\ude00"},"v":"1"},{"name":"b"}]',
      DEV,
    );
    expect(text).toContain('"t": "true / 😀"');
    expect(text).toContain('# The Python SDK does not send: v');
    expect(text).toContain(
      'client.send_sync(\n    [\n        inngest.Event(\n            name="a",',
    );
  });
});

it.each(['typescript', 'python', 'curl'] as const)('writes %s of 3 MB', (kind) => {
  const text = JSON.stringify({ name: 'a', data: { x: 'x"y'.repeat(700_000) } });
  expect(snippet(kind, text, DEV).length).toBeGreaterThan(2_000_000);
});
