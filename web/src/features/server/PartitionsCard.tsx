import { Card } from '~/ui/Card';
import { Notice } from '~/ui/Notice';
import { Time } from '~/ui/Time';
import { type Column, PlainTable } from './PlainTable';

interface Partition {
  id: number;
  epoch: number;
  ownedSince: string;
  owner: string;
}

const COLUMNS: readonly Column<Partition>[] = [
  { title: 'Partition', cell: ({ id }) => id },
  {
    title: 'Owner',
    cell: ({ owner }) => <code className="font-mono text-[0.8125rem]">{owner}</code>,
  },
  { title: 'Epoch', cell: ({ epoch }) => <span title="Counts its owners">{epoch}</span> },
  { title: 'Owned since', cell: ({ ownedSince }) => <Time at={ownedSince} /> },
];

/** Which parts of the functions this server works on. */
export function PartitionsCard({ partitions }: { partitions: readonly Partition[] }) {
  return (
    <Card title="Partitions">
      {partitions.length === 0 ? (
        <div className="px-4 py-3">
          <Notice severity="warning" title="This server works on nothing">
            <p>
              It cannot use the store at present. Its log says why; it goes on by itself as soon as
              the store answers.
            </p>
          </Notice>
        </div>
      ) : (
        <PlainTable
          label="Partitions"
          columns={COLUMNS}
          rows={partitions}
          rowKey={({ id }) => String(id)}
        />
      )}
    </Card>
  );
}
