import { Link } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { Card, Fact, Facts } from '~/ui/Card';
import { Id } from '~/ui/Copy';
import { ErrorNotice } from '~/ui/Notice';
import { Skeleton } from '~/ui/Skeleton';
import { RelativeTime } from '~/ui/Time';
import { TabBody } from '../FunctionPage';
import { functionOf } from '../queries';
import { OptionCard } from './OptionCard';
import { optionGroups } from './option-blocks';
import { type FunctionWithOptions, useConfigurations } from './queries';
import { TriggerCard } from './TriggerCard';

const CodeBlock = lazy(async () => ({ default: (await import('~/ui/code/CodeBlock')).CodeBlock }));

/** Everything a function was registered with. */
export function ConfigurationTab({ slug }: { slug: string }) {
  const { data, error, refetch } = useConfigurations(slug);
  // The page says so if there is no such function.
  const fn = data && functionOf(data.functionList.nodes, slug);
  return (
    <TabBody>
      {error && !data && (
        <ErrorNotice
          title="The configuration could not be loaded"
          error={error}
          onRetry={() => void refetch()}
        />
      )}
      {!error && !data && <Skeleton lines={10} />}
      {fn && <Configuration fn={fn} />}
    </TabBody>
  );
}

function Configuration({ fn }: { fn: FunctionWithOptions }) {
  return (
    <div className="mx-auto flex max-w-5xl flex-col gap-4">
      <Overview fn={fn} />
      <TriggerCard triggers={fn.triggers ?? []} />
      {optionGroups(fn).map((group) => (
        <OptionCard key={group.title} group={group} />
      ))}
      <Suspense fallback={<Skeleton lines={4} />}>
        <CodeBlock title="As it was registered" text={fn.config} fileName={`${fn.slug}.json`} />
      </Suspense>
    </div>
  );
}

function Overview({ fn }: { fn: FunctionWithOptions }) {
  return (
    <Card title="Overview">
      <Facts className="p-4">
        <Fact name="Slug">
          <Id id={fn.slug} className="max-w-full" />
        </Fact>
        <Fact name="App">
          <Link
            to="/apps/$appId"
            params={{ appId: fn.app.id }}
            className="text-accent hover:underline"
          >
            {fn.app.name || fn.app.id}
          </Link>
        </Fact>
        <Fact name="App synced">
          <RelativeTime at={fn.app.syncedAt} />
        </Fact>
        <Fact name="Version">
          {fn.version}, since <RelativeTime at={fn.updatedAt} />
        </Fact>
        <Fact name="Failure handler">
          {fn.failureHandler ? (
            <Link
              to="/functions/$slug"
              params={{ slug: fn.failureHandler.slug }}
              className="text-accent hover:underline"
            >
              {fn.failureHandler.name}
            </Link>
          ) : (
            <span className="text-ink-faint">none</span>
          )}
        </Fact>
      </Facts>
      <dl className="grid gap-x-6 gap-y-3 border-line border-t p-4 md:grid-cols-2">
        <Fact name="Id">
          <Id id={fn.id} className="max-w-full" />
        </Fact>
        <Fact name="Called at">
          <code className="break-all font-mono text-[0.8125rem]">{fn.url}</code>
        </Fact>
      </dl>
    </Card>
  );
}
