/** Which keys and tokens there are and where they are set. They are never shown. */
export function Keys({ isDev }: { isDev: boolean }) {
  return (
    <div className="flex flex-col gap-2 px-4 py-3">
      <p className="text-ink-soft">
        {isDev
          ? 'A development server asks for no key, so do not make it reachable for others. A server in production, stepwell start, has four kinds:'
          : 'Keys are given to the server when it is started. It never shows them, not even here.'}
      </p>
      <dl className="grid grid-cols-1 gap-3 sm:grid-cols-2">
        <div>
          <dt className="font-medium">Event key</dt>
          <dd className="text-ink-soft">
            Allows to send events, nothing else. Set with{' '}
            <code className="font-mono text-xs">--event-key</code> or{' '}
            <code className="font-mono text-xs">STEPWELL_EVENT_KEY</code>; there may be several.
          </dd>
        </div>
        <div>
          <dt className="font-medium">Signing key</dt>
          <dd className="text-ink-soft">
            What apps have: for calls between server and apps, and for reading events and runs. Set
            with <code className="font-mono text-xs">--signing-key</code> or{' '}
            <code className="font-mono text-xs">STEPWELL_SIGNING_KEY</code>.
          </dd>
        </div>
        <div>
          <dt className="font-medium">Operator token</dt>
          <dd className="text-ink-soft">
            Allows everything that this dashboard does. Made at the first start and shown once;{' '}
            <code className="font-mono text-xs">stepwell token replace</code> makes another one.
          </dd>
        </div>
        <div>
          <dt className="font-medium">Metrics token</dt>
          <dd className="text-ink-soft">
            Allows to read numbers, nothing else. Set with{' '}
            <code className="font-mono text-xs">--metrics-token</code> or{' '}
            <code className="font-mono text-xs">STEPWELL_METRICS_TOKEN</code>.
          </dd>
        </div>
      </dl>
    </div>
  );
}
