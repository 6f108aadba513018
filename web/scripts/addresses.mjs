/**
 * `node scripts/addresses.mjs <built pages>`: the addresses that the built pages mention.
 *
 * Nothing may come from another host. What is listed here is never fetched: names of formats, texts
 * for people, and links that somebody has to follow. Any other address ends this with 1.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const KNOWN = [
  // Names of formats.
  'http://www.w3.org/',
  // In messages of libraries: where they explain an error.
  'https://base-ui.com/production-error',
  'https://react.dev/errors/',
  // In the notice of a licence.
  'https://tailwindcss.com',
  // Examples of what people type, and the base of addresses that are resolved without one.
  'http://127.0.0.1',
  'http://localhost',
  // Our own documentation, and the sources.
  'https://github.com/stepwell/stepwell',
];

const folder = process.argv[2];
if (folder === undefined) {
  process.stderr.write('usage: node scripts/addresses.mjs <built pages>\n');
  process.exit(2);
}

const unknown = [];
for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/\.(js|css|html|svg)$/.test(entry.name)) continue;
  const text = readFileSync(join(entry.parentPath, entry.name), 'utf8');
  for (const [address] of text.matchAll(/\b(?:https?|wss?):\/\/[\w.-][^\s"'`)<>\\]*/g)) {
    if (!KNOWN.some((known) => address.startsWith(known))) {
      unknown.push(`${entry.name}: ${address}`);
    }
  }
}
for (const each of unknown) process.stdout.write(`${each}\n`);
process.stdout.write(`${unknown.length} addresses that are not known to be harmless\n`);
process.exitCode = unknown.length > 0 ? 1 : 0;
