import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { syncFailure } from './sync-failure';

/** The codes that the server can answer with. */
function serverCodes(): string[] {
  const source = readFileSync('../src/stepwell/core/sync_failures.py', 'utf8');
  const constants = new Map(
    [...source.matchAll(/^([A-Z_]+): Final = "([a-z_]+)"$/gm)].map(([, name, code]) => [
      name,
      code,
    ]),
  );
  const table = /^FAILURES: Final = \{(.*?)^\}/ms.exec(source)?.[1] ?? '';
  return [...table.matchAll(/^ {4}(?:"([a-z_]+)"|([A-Z_]+)):/gm)].map(
    ([, code, name]) => code ?? constants.get(name ?? '') ?? `unknown ${name}`,
  );
}

test('knows what to do about every failure that the server knows', () => {
  const codes = serverCodes();
  expect(codes.length).toBeGreaterThan(12);
  for (const code of codes) {
    const failure = syncFailure(code);
    expect(failure.title, code).not.toBe(code);
    expect(failure.advice.length, code).toBeGreaterThan(0);
  }
});

test.each([
  'account_mismatch',
  'http_not_found',
  'sig_verification_failed',
  'No functions registered within your app',
])('knows %s under its other name', (error) => {
  expect(syncFailure(error).title).not.toBe(error);
});

test('shows what the app said where it has its own words', () => {
  expect(syncFailure('The moon is full').title).toBe('The moon is full');
  expect(syncFailure('').title).toBe('The app could not be synchronised');
});
