/** What can be reached on this server besides the dashboard. */
export interface Address {
  title: string;
  about: string;
  url: string;
  /** What the server asks for. */
  key: 'event key' | 'signing key' | 'operator token' | 'metrics token' | 'none';
  /** Whether it is a page that a person can open. */
  isPage?: boolean;
}

/** The addresses, given how the address of a path is made. */
export function addressesOf(serverUrl: (path: string) => string, isDev: boolean): Address[] {
  // A development server asks for none.
  const signingKey = isDev ? 'none' : 'signing key';
  const operatorToken = isDev ? 'none' : 'operator token';
  const metricsToken = isDev ? 'none' : 'metrics token';
  return [
    {
      title: 'Send events',
      about: isDev ? 'POST one event or an array. Any key will do.' : 'POST one event or an array.',
      url: serverUrl(`e/${isDev ? 'any-key' : 'YOUR_EVENT_KEY'}`),
      key: isDev ? 'none' : 'event key',
    },
    {
      title: 'REST',
      about: 'Events, runs, functions, apps, cancellations, replays.',
      url: serverUrl('v1/'),
      key: signingKey,
    },
    {
      title: 'OpenAPI',
      about: 'All routes with what they take and answer, for generators.',
      url: serverUrl('v1/openapi.json'),
      key: signingKey,
      isPage: true,
    },
    {
      title: 'GraphQL',
      about: 'What this dashboard asks.',
      url: serverUrl('v0/gql'),
      key: operatorToken,
    },
    {
      title: 'GraphQL explorer',
      about: 'A page to write queries and read the schema.',
      url: serverUrl('v0/'),
      key: operatorToken,
      isPage: true,
    },
    {
      title: 'Stream of changes',
      about: 'Tells which runs, events and apps changed: server-sent events, or a WebSocket.',
      url: serverUrl('v0/changes'),
      key: operatorToken,
    },
    {
      title: 'Metrics of the server',
      about: 'For Prometheus.',
      url: serverUrl('metrics'),
      key: metricsToken,
      isPage: true,
    },
    {
      title: 'Metrics of functions',
      about: 'For Prometheus, by function and day; they go on after a restart.',
      url: serverUrl('v1/prom/default'),
      key: metricsToken,
      isPage: true,
    },
    {
      title: 'Health',
      about: 'Answers 200 while the server can work.',
      url: serverUrl('health'),
      key: 'none',
      isPage: true,
    },
    {
      title: 'Readiness',
      about: 'Answers 200 while the server should be sent requests, for load balancers.',
      url: serverUrl('health/ready'),
      key: 'none',
      isPage: true,
    },
  ];
}
