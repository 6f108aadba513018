import { expect, test } from 'vitest';
import { appName, frameworkName, sdkName, stateOf } from './app-state';

const WELL = {
  error: null,
  syncedAt: '2026-11-21T09:00:00Z',
  functionCount: 3,
  drainedAt: null,
  archived: false,
};

test.each([
  [{}, 'Synced', 'good'],
  [{ functionCount: 0 }, 'No functions', 'waiting'],
  [{ drainedAt: '2026-11-21T09:00:00Z' }, 'Drained', 'waiting'],
  [{ error: 'unreachable', drainedAt: '2026-11-21T09:00:00Z' }, 'Failing', 'bad'],
  [{ error: 'unreachable', syncedAt: null, functionCount: 0 }, 'Not synced', 'bad'],
  [{ error: 'unreachable', archived: true }, 'Removed', 'calm'],
])('an app with %j is %s', (difference, title, tone) => {
  expect(stateOf({ ...WELL, ...difference })).toEqual({ title, tone });
});

test('an app that has never answered is called by its URL', () => {
  expect(appName({ name: '', url: 'http://localhost:3000' })).toBe('http://localhost:3000');
  expect(appName({ name: 'shop', url: 'http://localhost:3000' })).toBe('shop');
});

test('SDKs and frameworks have names that people know', () => {
  expect(sdkName({ sdkLanguage: 'py', sdkVersion: '0.5.19' })).toBe('Python 0.5.19');
  expect(sdkName({ sdkLanguage: 'js', sdkVersion: 'v4.24.0' })).toBe('TypeScript 4.24.0');
  expect(sdkName({ sdkLanguage: '', sdkVersion: '' })).toBeNull();
  expect(frameworkName('fast_api')).toBe('FastAPI');
  expect(frameworkName('something-new')).toBe('something-new');
});
