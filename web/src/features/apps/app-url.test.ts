import { expect, test } from 'vitest';
import { readUrl } from './app-url';

test.each([
  ['http://localhost:3000/api/inngest', 'http://localhost:3000/api/inngest'],
  ['  https://app.example/x ', 'https://app.example/x'],
  ['localhost:8000/api/inngest', 'http://localhost:8000/api/inngest'],
  ['10.0.0.7', 'http://10.0.0.7'],
])('understands %j', (typed, url) => {
  expect(readUrl(typed)).toEqual({ url, fault: null });
});

test.each([
  ['', 'Type the URL'],
  ['   ', 'Type the URL'],
  ['http://a b', 'no spaces'],
  ['http://', 'not a URL'],
  ['ftp://host/x', 'http:// or https://'],
  ['http://user:secret@host/x', 'user name and password'],
])('says what is wrong with %j', (typed, fault) => {
  expect(readUrl(typed)).toEqual({ url: null, fault: expect.stringContaining(fault) });
});
