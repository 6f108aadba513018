import { type ReactNode, useState } from 'react';
import { cn } from '~/lib/cn';
import { config } from '~/lib/config';
import { isText, useRemembered } from '~/lib/storage';
import { Button } from '~/ui/Button';
import { Snippet } from '~/ui/code/Snippet';
import type { AppDetails } from '../apps/queries';
import { AppArrival } from './AppArrival';
import { appAddress, exportLines, type Shell, variablesFor } from './environment';
import { FirstEvent } from './FirstEvent';
import { FrameworkPicker } from './FrameworkPicker';
import { FRAMEWORKS, isFrameworkId } from './frameworks';
import { newcomers } from './newcomers';

interface FirstRunProps {
  apps: readonly AppDetails[];
  /** Shows the list of apps instead. */
  onLeave: () => void;
}

/** From nothing to a function that has run, in four steps. */
export default function FirstRun({ apps, onLeave }: FirstRunProps) {
  const [frameworkId, setFrameworkId] = useRemembered('guide.framework', 'fastapi', isFrameworkId);
  const [shell, setShell] = useRemembered<string>('guide.shell', 'sh', isText);
  const [before] = useState(() => new Set(apps.map(({ id }) => id)));
  const framework = FRAMEWORKS.find(({ id }) => id === frameworkId) ?? FRAMEWORKS[0];
  if (!framework) return null;
  const found = newcomers(apps, before);
  const variables = variablesFor(config.mode, appAddress());
  const usedShell: Shell = shell === 'powershell' ? 'powershell' : 'sh';
  return (
    <div className="mx-auto flex max-w-3xl flex-col gap-6">
      <div className="flex flex-wrap items-end justify-between gap-3">
        <div className="min-w-64 flex-1">
          <h2 className="font-semibold text-lg">
            {before.size === 0 ? 'Run your first function' : 'Add an app'}
          </h2>
          <p className="text-ink-soft">
            An app is a program of yours with functions. The server calls them when events come in,
            remembers every step, and goes on after any crash.
          </p>
        </div>
        {apps.length > 0 && <Button onClick={onLeave}>Show all apps</Button>}
      </div>
      <ol className="flex flex-col gap-6">
        <GuideStep number={1} title="Write an app">
          <FrameworkPicker value={framework.id} onChange={setFrameworkId} />
          <Snippet title="Install" code={framework.install} />
          {framework.files.map(({ name, code }) => (
            <Snippet key={name} title={name} code={code} />
          ))}
        </GuideStep>
        <GuideStep number={2} title="Start it, and tell it where this server is">
          <Snippet
            title={usedShell === 'sh' ? 'Shell' : 'PowerShell'}
            code={`${exportLines(variables, usedShell)}\n${framework.start}`}
          />
          <p className="text-ink-soft">
            {config.mode === 'start' && 'The keys are those the server was started with. '}
            <button
              type="button"
              className="rounded text-accent underline"
              onClick={() => setShell(usedShell === 'sh' ? 'powershell' : 'sh')}
            >
              {usedShell === 'sh' ? 'Show it for PowerShell' : 'Show it for a Unix shell'}
            </button>
          </p>
        </GuideStep>
        <GuideStep number={3} title="Let the server find it" isDone={found.synced.length > 0}>
          <AppArrival framework={framework} synced={found.synced} failing={found.failing} />
        </GuideStep>
        <GuideStep number={4} title="Send an event and watch the function run">
          <FirstEvent app={found.synced.at(-1) ?? null} />
        </GuideStep>
      </ol>
    </div>
  );
}

function GuideStep(props: {
  number: number;
  title: string;
  isDone?: boolean;
  children: ReactNode;
}) {
  return (
    <li className="flex gap-4">
      <span
        aria-hidden
        className={cn(
          'flex size-7 shrink-0 items-center justify-center rounded-full font-semibold text-sm',
          props.isDone ? 'bg-good-soft text-good-ink' : 'bg-accent-soft text-accent',
        )}
      >
        {props.isDone ? '✓' : props.number}
      </span>
      <section className="flex min-w-0 flex-1 flex-col gap-3">
        <h3 className="pt-0.5 font-semibold">{props.title}</h3>
        {props.children}
      </section>
    </li>
  );
}
