import { expect, test } from 'vitest';
import { exportLines, variablesFor } from './environment';

test('an app of a development server needs its address only', () => {
  const variables = variablesFor('dev', 'http://127.0.0.1:8288');
  expect(exportLines(variables, 'sh')).toBe('export INNGEST_DEV=http://127.0.0.1:8288');
  expect(exportLines(variables, 'powershell')).toBe('$env:INNGEST_DEV = "http://127.0.0.1:8288"');
});

test('an app of a production server needs its address and keys, which are never shown', () => {
  const lines = exportLines(variablesFor('start', 'https://stepwell.example'), 'sh');
  expect(lines.split('\n')).toEqual([
    'export INNGEST_BASE_URL=https://stepwell.example',
    'export INNGEST_SIGNING_KEY="your signing key"',
    'export INNGEST_EVENT_KEY="your event key"',
  ]);
});
