import { useNavigate } from '@tanstack/react-router';
import { lazy, Suspense, useCallback, useMemo, useRef } from 'react';
import { isAtRest } from '~/features/lists/at-rest';
import { FeedFooter } from '~/features/lists/FeedFooter';
import { FeedFrame } from '~/features/lists/FeedFrame';
import { toggled } from '~/features/lists/selection';
import { useFeed } from '~/features/lists/useFeed';
import { useFeedChanges } from '~/features/lists/useFeedChanges';
import { useIdSet, useSelection } from '~/features/lists/useSelection';
import { SearchButton } from '~/features/search/SearchButton';
import { useSearchPanel } from '~/features/search/useSearchPanel';
import type { Change } from '~/lib/live';
import { isEnded } from '~/lib/status';
import { Skeleton } from '~/ui/Skeleton';
import { ColumnChooser } from '~/ui/table/ColumnChooser';
import { VirtualTable } from '~/ui/table/VirtualTable';
import { RunsCount, useRunsCount } from './RunsCount';
import { RunsEmpty } from './RunsEmpty';
import { RunsToolbar } from './RunsToolbar';
import type { RunsSearch } from './run-search';
import { idOfRun, type RunRow, type RunsScope, runSource } from './run-source';
import { SelectionBar } from './SelectionBar';
import { useRunColumns } from './useRunColumns';

const RunDetail = lazy(() => import('~/features/run/RunDetail'));

/** How many runs one request of a search looks at. */
const LOOKED_AT_MAX = 50_000;

export interface RunsListProps {
  /** All runs, or those of one function; must be the same object as long as it means the same. */
  scope: RunsScope;
  search: RunsSearch;
  /** Given the whole new search. */
  onSearch: (search: RunsSearch) => void;
}

/** Runs, newest first: filtered, searched, opened, selected, and current. Fills its parent. */
export function RunsList({ scope, search, onSearch }: RunsListProps) {
  const navigate = useNavigate();
  const source = useMemo(() => runSource(search, scope), [search, scope]);
  const feed = useFeed(source);
  const count = useRunsCount({ search, scope });
  const columns = useRunColumns(scope);
  const panel = useSearchPanel(search.search);
  const scrollRef = useRef<HTMLElement>(null);
  const selection = useSelection(source.key, feed.ids);
  const [openIds, changeOpen] = useIdSet(source.key);
  const toggleOpen = useCallback(
    (id: string) => changeOpen((ids) => toggled(ids, id)),
    [changeOpen],
  );
  const toTop = () => scrollRef.current?.scrollTo({ top: 0 });

  const isReading = selection.ids.size > 0 || openIds.size > 0;
  const { news, showNews, onShown, markOld } = useFeedChanges(source, feed, {
    changed: (change) => changedRuns(change, scope),
    isOpen: ({ status }) => !isEnded(status),
    mayMove: () => !isReading && isAtRest(scrollRef.current),
  });
  const { refresh } = feed;
  const refreshAll = () => {
    toTop();
    void refresh();
    void count.refetch();
  };
  const change = (search: RunsSearch) => {
    toTop();
    onSearch(search);
  };

  return (
    <FeedFrame
      what="run"
      feed={feed}
      toolbar={
        <RunsToolbar
          scope={scope}
          search={search}
          onSearch={change}
          searchButton={
            <SearchButton
              isOpen={panel.isOpen}
              isActive={search.search !== undefined}
              onToggle={panel.toggle}
              onOpen={panel.open}
            />
          }
          count={<RunsCount count={count} />}
          columnChooser={<ColumnChooser {...columns.chooser} />}
          isRefreshing={feed.isRefreshing}
          onRefresh={refreshAll}
        />
      }
      search={{
        value: search.search,
        panel,
        onSearch: (text) => change({ ...search, search: text }),
      }}
      selectionBar={
        selection.ids.size > 0 && (
          <SelectionBar
            scope={scope}
            search={search}
            runs={feed.rows.filter((run) => selection.ids.has(run.id))}
            isAllLoaded={selection.ids.size === feed.rows.length && feed.hasNext}
            total={count.data ?? null}
            onClear={selection.clear}
            onDone={markOld}
          />
        )
      }
      news={news}
      onShowNews={() => {
        toTop();
        showNews();
      }}
      onRefresh={refreshAll}
      empty={<RunsEmpty search={search} scope={scope} onSearch={change} />}
    >
      <VirtualTable
        label="Runs"
        columns={columns.shown}
        rows={feed.rows}
        idOf={idOfRun}
        nameOf={nameOf}
        totalCount={feed.hasNext ? (count.data?.count ?? null) : feed.rows.length}
        openIds={openIds}
        onToggleOpen={toggleOpen}
        detail={detail}
        // A phone is for reading, and has no room for boxes.
        {...(columns.isNarrow ? {} : { selection })}
        onVisit={({ id }) => void navigate({ to: '/runs/$runId', params: { runId: id } })}
        onShown={onShown}
        onNearEnd={feed.isCutShort || feed.nextError ? undefined : feed.loadNext}
        isOutdated={feed.isOutdated}
        scrollRef={scrollRef}
        footer={
          <FeedFooter
            feed={feed}
            what="runs"
            lookedAtMax={LOOKED_AT_MAX}
            filters="time, status or function"
            onTop={toTop}
          />
        }
      />
    </FeedFrame>
  );
}

const nameOf = (run: RunRow) => `run ${run.id}`;

const detail = ({ id }: RunRow) => (
  <Suspense fallback={<Skeleton lines={6} />}>
    <RunDetail runId={id} isInline />
  </Suspense>
);

/** The ids of runs that changed and may be in the list. */
function changedRuns({ runs }: Change, scope: RunsScope): string[] {
  if (scope === 'env') return Object.keys(runs);
  return Object.keys(runs).filter((id) => !runs[id] || runs[id] === scope.functionId);
}
