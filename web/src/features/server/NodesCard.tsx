import { Card } from '~/ui/Card';
import { Notice } from '~/ui/Notice';
import { Badge, Dot } from '~/ui/Status';
import { RelativeTime } from '~/ui/Time';
import { NODE_LOOKS, type Partition, remarksOf, type ServerNode } from './nodes';
import { type Column, PlainTable } from './PlainTable';

interface NodesCardProps {
  nodes: readonly ServerNode[];
  partitions: readonly Partition[];
}

const COLUMNS: readonly Column<ServerNode>[] = [
  {
    title: 'Server',
    cell: ({ name, isThis }) => (
      <span className="inline-flex items-center gap-2">
        <code className="font-mono text-[0.8125rem]">{name}</code>
        {isThis && <Badge>this one</Badge>}
      </span>
    ),
  },
  { title: 'State', cell: (node) => <State node={node} /> },
  { title: 'Partitions', cell: ({ partitions }) => partitions.length },
  { title: 'Version', cell: ({ version }) => version },
  { title: 'Joined', cell: ({ joinedAt }) => <RelativeTime at={joinedAt} /> },
  { title: 'Node', cell: ({ id }) => <span title="Grows with every server that joins">{id}</span> },
];

/** Which servers share the store, and what is on its way from one to another. */
export function NodesCard({ nodes, partitions }: NodesCardProps) {
  const remarks = remarksOf(nodes, partitions);
  const isHere = nodes.some(({ isThis }) => isThis);
  return (
    <Card title="Servers">
      {(!isHere || remarks.length > 0) && (
        <div className="flex flex-col gap-2 px-4 py-3">
          {!isHere && (
            <Notice severity="warning" title="This server works on nothing">
              <p>
                It cannot use the store at present. Its log says why; it goes on by itself as soon
                as the store answers.
              </p>
            </Notice>
          )}
          {remarks.map(({ title, text }) => (
            <Notice key={title} severity="warning" title={title}>
              <p>{text}</p>
            </Notice>
          ))}
        </div>
      )}
      {nodes.length > 0 && (
        <PlainTable
          label="Servers"
          columns={COLUMNS}
          rows={nodes}
          rowKey={({ id }) => String(id)}
        />
      )}
    </Card>
  );
}

function State({ node }: { node: ServerNode }) {
  const { title, tone, about } = NODE_LOOKS[node.state];
  return (
    <span className="inline-flex items-center gap-2" title={about}>
      <Dot tone={tone} />
      {title}
      {node.state === 'DEAD' && (
        <span className="text-ink-soft">
          <RelativeTime at={node.leaseUntil} />
        </span>
      )}
    </span>
  );
}
