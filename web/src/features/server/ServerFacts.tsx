import { Card, Fact, Facts } from '~/ui/Card';
import { Duration, Time } from '~/ui/Time';

interface ServerFactsProps {
  server: {
    version: string;
    kind: string;
    startedAt: string;
    environment: { id: string; name: string };
    functionCount: number;
    appCount: number;
    subscribers: number;
  };
}

export function ServerFacts({ server }: ServerFactsProps) {
  return (
    <Card title="About">
      <Facts className="px-4 py-3">
        <Fact name="Version">{server.version}</Fact>
        <Fact name="Mode">{server.kind === 'dev' ? 'Development' : 'Production'}</Fact>
        <Fact name="Started">
          <Time at={server.startedAt} />
        </Fact>
        <Fact name="Running for">
          <Duration from={server.startedAt} to={null} isShort />
        </Fact>
        <Fact name="Environment">
          <span title={server.environment.id}>{server.environment.name}</span>
        </Fact>
        <Fact name="Apps">{server.appCount}</Fact>
        <Fact name="Functions">{server.functionCount}</Fact>
        <Fact name="Listeners">
          <span title="Dashboards and programs that are told what changes">
            {server.subscribers}
          </span>
        </Fact>
      </Facts>
    </Card>
  );
}
