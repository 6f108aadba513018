/** Commands and settings to copy, made for this server. */
export interface Example {
  title: string;
  code: string;
}

interface Place {
  /** The address of something this server serves. */
  serverUrl: (path: string) => string;
  isDev: boolean;
}

/** What one does first with the HTTP API. Keys and tokens are taken from the environment, never shown. */
export function curlExamples({ serverUrl, isDev }: Place): Example[] {
  const authorised = isDev ? '' : ' -H "Authorization: Bearer $STEPWELL_TOKEN"';
  const eventKey = isDev ? 'any-key' : '$INNGEST_EVENT_KEY';
  return [
    {
      title: 'Send an event',
      code: `curl "${serverUrl('e/')}${eventKey}" -d '{"name": "shop/order.placed", "data": {"orderId": "1001"}}'`,
    },
    {
      title: 'List the events of the last hour',
      code: `curl${authorised} "${serverUrl('v1/events')}?limit=10"`,
    },
    {
      title: 'Read the runs of an event',
      code: `curl${authorised} "${serverUrl('v1/events/')}EVENT_ID/runs"`,
    },
    {
      title: 'Ask in GraphQL',
      code: `curl${authorised} "${serverUrl('v0/gql')}" -H "Content-Type: application/json" -d '{"query": "{ functions { name slug } }"}'`,
    },
  ];
}

/** A scrape configuration of Prometheus for both pages of metrics. */
export function scrapeConfig({ serverUrl, isDev }: Place): string {
  const { protocol, host, pathname } = new URL(serverUrl(''));
  const path = pathname.replace(/\/$/, '');
  const scheme = protocol.replace(':', '');
  const job = (name: string, metricsPath: string) =>
    [
      `  - job_name: ${name}`,
      `    scheme: ${scheme}`,
      `    metrics_path: ${path}${metricsPath}`,
      ...(isDev
        ? []
        : ['    authorization:', '      credentials_file: /etc/prometheus/stepwell-metrics-token']),
      '    static_configs:',
      `      - targets: ["${host}"]`,
    ].join('\n');
  return [
    'scrape_configs:',
    job('stepwell', '/metrics'),
    job('stepwell-functions', '/v1/prom/default'),
  ].join('\n');
}
