import { Fact, Facts } from '~/ui/Card';
import { RelativeTime } from '~/ui/Time';
import { frameworkName, METHODS, sdkName } from './app-state';
import type { AppDetails } from './queries';

/** What an app has told about itself. What it has not told is left out. */
export function AppFacts({ app }: { app: AppDetails }) {
  const sdk = sdkName(app);
  const method = METHODS[app.method];
  return (
    <Facts className="grid-cols-[repeat(auto-fill,minmax(8rem,1fr))]!">
      {sdk && <Fact name="SDK">{sdk}</Fact>}
      {app.framework && <Fact name="Framework">{frameworkName(app.framework)}</Fact>}
      {app.platform && <Fact name="Platform">{app.platform}</Fact>}
      {app.appVersion && <Fact name="App version">{app.appVersion}</Fact>}
      <Fact name="Method">
        <span title={method.about}>{method.title}</span>
      </Fact>
      <Fact name="Last sync">
        <RelativeTime at={app.syncedAt} />
      </Fact>
      {app.drainedAt && (
        <Fact name="Drained">
          <RelativeTime at={app.drainedAt} />
        </Fact>
      )}
    </Facts>
  );
}
