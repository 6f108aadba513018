import { expect, test } from 'vitest';
import { addressesOf } from './addresses';
import { curlExamples, scrapeConfig } from './examples';

const local = (path: string) => `http://127.0.0.1:8288/${path}`;
const below = (path: string) => `https://example.com/tools/stepwell/${path}`;

test('a development server needs no key', () => {
  const [send, list] = curlExamples({ serverUrl: local, isDev: true });
  expect(send?.code).toMatch('curl "http://127.0.0.1:8288/e/any-key" -d');
  expect(list?.code).toBe('curl "http://127.0.0.1:8288/v1/events?limit=10"');
});

test('keys of a production server come from the environment', () => {
  const [send, list] = curlExamples({ serverUrl: below, isDev: false });
  expect(send?.code).toMatch('https://example.com/tools/stepwell/e/$INNGEST_EVENT_KEY');
  expect(list?.code).toMatch('Authorization: Bearer $STEPWELL_TOKEN');
});

test('Prometheus finds a server below a path, and has the token from a file', () => {
  expect(scrapeConfig({ serverUrl: below, isDev: false })).toBe(`scrape_configs:
  - job_name: stepwell
    scheme: https
    metrics_path: /tools/stepwell/metrics
    authorization:
      credentials_file: /etc/prometheus/stepwell-metrics-token
    static_configs:
      - targets: ["example.com"]
  - job_name: stepwell-functions
    scheme: https
    metrics_path: /tools/stepwell/v1/prom/default
    authorization:
      credentials_file: /etc/prometheus/stepwell-metrics-token
    static_configs:
      - targets: ["example.com"]`);
  expect(scrapeConfig({ serverUrl: local, isDev: true })).not.toMatch('authorization');
});

test('every address is below the base path', () => {
  for (const { url } of addressesOf(below, false)) {
    expect(url).toMatch(/^https:\/\/example\.com\/tools\/stepwell\//);
  }
});
