/**
 * `node scripts/first-load.mjs <built pages> <notes of the build>`: what a browser loads before it can show the runs.
 *
 * Counts the gzip sizes of the scripts and styles of the entry and of the runs page, with everything
 * these import statically; ends with 1 above the budget. Fonts are not counted: text is readable
 * before they arrive.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BYTES_MAX = 250_000;
const PAGE = 'src/routes/runs.index.tsx';

const [folder, notes] = process.argv.slice(2);
if (folder === undefined || notes === undefined) {
  process.stderr.write('usage: node scripts/first-load.mjs <built pages> <notes of the build>\n');
  process.exit(2);
}

/** @type {Record<string, {file: string, css?: string[], imports?: string[], isEntry?: boolean}>} */
const manifest = JSON.parse(readFileSync(join(notes, 'manifest.json'), 'utf8'));

function startingPoints() {
  const keys = Object.keys(manifest);
  const entry = keys.find((key) => manifest[key].isEntry);
  // The router's plugin splits the component from the route and marks it behind a question mark.
  const page = keys.filter((key) => key === PAGE || key.startsWith(`${PAGE}?`));
  if (entry === undefined || page.length === 0) {
    throw new Error(`the manifest has no entry or no ${PAGE}`);
  }
  return [entry, ...page];
}

function filesOf(keys) {
  const seen = new Set();
  const files = new Set(['index.html', 'theme.js']);
  const open = [...keys];
  for (let key = open.pop(); key !== undefined; key = open.pop()) {
    if (seen.has(key)) continue;
    seen.add(key);
    const { file, css = [], imports = [] } = manifest[key];
    for (const each of [file, ...css]) files.add(each);
    open.push(...imports);
  }
  return [...files];
}

const sizes = filesOf(startingPoints()).map((file) => ({
  file,
  bytes: gzipSync(readFileSync(join(folder, file))).length,
}));
const bytes = sizes.reduce((sum, each) => sum + each.bytes, 0);
for (const each of sizes.sort((a, b) => b.bytes - a.bytes)) {
  process.stdout.write(`${String(each.bytes).padStart(9)}  ${each.file}\n`);
}
process.stdout.write(`first load of the runs: ${bytes} bytes of ${BYTES_MAX}\n`);
process.exitCode = bytes > BYTES_MAX ? 1 : 0;
