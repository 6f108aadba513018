import { cn } from '~/lib/cn';
import { Card } from '~/ui/Card';
import { Badge, Dot, TONE_SOFT } from '~/ui/Status';
import { freeOf, NODE_LOOKS, type Partition, type ServerNode } from './nodes';

interface PartitionsCardProps {
  nodes: readonly ServerNode[];
  partitions: readonly Partition[];
}

/** Which server does the work of which functions: every function lies in one partition. */
export function PartitionsCard({ nodes, partitions }: PartitionsCardProps) {
  const free = freeOf(partitions);
  const owners = nodes.filter((node) => node.partitions.length > 0);
  return (
    <Card title="Partitions">
      <dl className="flex flex-col divide-y divide-line">
        {owners.map((node) => (
          <div key={node.id} className="flex flex-col gap-2 px-4 py-3 sm:flex-row sm:gap-4">
            <dt className="flex min-w-0 shrink-0 items-center gap-2 sm:w-64">
              <Dot tone={NODE_LOOKS[node.state].tone} />
              <code className="min-w-0 truncate font-mono text-[0.8125rem]" title={node.name}>
                {node.name}
              </code>
              {node.isThis && <Badge>this one</Badge>}
            </dt>
            <Numbers numbers={node.partitions} />
          </div>
        ))}
        {free.length > 0 && (
          <div className="flex flex-col gap-2 px-4 py-3 sm:flex-row sm:gap-4">
            <dt className="flex shrink-0 items-center gap-2 sm:w-64">
              <Dot tone="bad" />
              Nobody
            </dt>
            <Numbers numbers={free} className={TONE_SOFT.bad} />
          </div>
        )}
      </dl>
      <p className="border-line border-t px-4 py-2 text-ink-soft">
        Each function lies in one partition, and the server that owns it makes its calls. Any server
        takes events and shows everything.
      </p>
    </Card>
  );
}

function Numbers(props: { numbers: readonly number[]; className?: string }) {
  return (
    <dd className="flex min-w-0 flex-wrap gap-1">
      {props.numbers.map((number) => (
        <span
          key={number}
          className={cn(
            'inline-flex h-6 min-w-7 items-center justify-center rounded px-1.5 text-xs tabular-nums',
            props.className ?? 'bg-calm-soft text-calm-ink',
          )}
        >
          {number}
        </span>
      ))}
    </dd>
  );
}
