import { useState } from 'react';
import type { Tone } from '~/lib/status';
import { Button } from '~/ui/Button';
import { Card } from '~/ui/Card';
import { Badge, Dot } from '~/ui/Status';
import { Time } from '~/ui/Time';
import { frameworkName, sdkName } from './app-state';
import { syncFailure } from './sync-failure';
import { changesInWords, type SyncChanges } from './sync-outcome';

export interface PastSync extends SyncChanges {
  id: string;
  at: string;
  url: string | null;
  sdkLanguage: string | null;
  sdkVersion: string | null;
  framework: string | null;
  appVersion: string | null;
  error: string | null;
  message: string | null;
}

const LOOKS: Record<PastSync['status'], { title: string; tone: Tone }> = {
  SUCCESS: { title: 'Synced', tone: 'good' },
  DUPLICATE: { title: 'No change', tone: 'calm' },
  ERROR: { title: 'Failed', tone: 'bad' },
};
const SHOWN_FIRST = 10;

/** What came of asking an app to register, the newest first. */
export function SyncHistory({ syncs }: { syncs: readonly PastSync[] }) {
  const [showsAll, setShowsAll] = useState(false);
  const shown = showsAll ? syncs : syncs.slice(0, SHOWN_FIRST);
  return (
    <Card title="Sync history">
      {syncs.length === 0 ? (
        <p className="px-4 py-3 text-ink-soft">The app was not synced yet.</p>
      ) : (
        <ol className="divide-y divide-line">
          {shown.map((sync) => (
            <SyncRow key={sync.id} sync={sync} />
          ))}
        </ol>
      )}
      {shown.length < syncs.length && (
        <div className="border-line border-t px-2 py-1">
          <Button kind="ghost" size="small" onClick={() => setShowsAll(true)}>
            Show {syncs.length - shown.length} older
          </Button>
        </div>
      )}
    </Card>
  );
}

function SyncRow({ sync }: { sync: PastSync }) {
  const { title, tone } = LOOKS[sync.status];
  const told = [
    sdkName({ sdkLanguage: sync.sdkLanguage ?? '', sdkVersion: sync.sdkVersion ?? '' }),
    sync.framework && frameworkName(sync.framework),
    sync.appVersion && `version ${sync.appVersion}`,
    sync.url,
  ].filter(Boolean);
  return (
    <li className="flex flex-wrap gap-x-4 gap-y-1 px-4 py-2">
      <span className="w-24 shrink-0">
        <Badge tone={tone}>
          <Dot tone={tone} />
          {title}
        </Badge>
      </span>
      <span className="w-44 shrink-0 text-ink-soft">
        <Time at={sync.at} />
      </span>
      <div className="min-w-60 flex-1">
        {sync.status === 'ERROR' ? (
          <p>{syncFailure(sync.error ?? '').title}</p>
        ) : (
          <SyncChangeList sync={sync} />
        )}
        {told.length > 0 && (
          <p className="break-words text-ink-faint text-xs">{told.join(' · ')}</p>
        )}
        {sync.message && <p className="text-ink-soft text-xs">{sync.message}</p>}
      </div>
    </li>
  );
}

function SyncChangeList({ sync }: { sync: PastSync }) {
  const groups = [
    ['Added', sync.functionsAdded],
    ['Changed', sync.functionsChanged],
    ['Removed', sync.functionsRemoved],
  ] as const;
  const filled = groups.filter(([, slugs]) => slugs.length > 0);
  if (filled.length === 0) return <p>{changesInWords(sync)}</p>;
  return (
    <details>
      <summary className="w-fit rounded hover:underline">{changesInWords(sync)}</summary>
      <dl className="mt-1 max-h-60 overflow-y-auto text-xs">
        {filled.map(([verb, slugs]) => (
          <div key={verb} className="flex gap-2">
            <dt className="w-16 shrink-0 text-ink-faint">{verb}</dt>
            <dd className="min-w-0 break-words font-mono">{slugs.join(', ')}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
