import { Card } from '~/ui/Card';
import { CopyButton } from '~/ui/Copy';
import { Badge } from '~/ui/Status';
import type { OptionBlock, OptionGroup, OptionRow } from './option-blocks';

/** Some options, each with what it does and what it is set to. */
export function OptionCard({ group }: { group: OptionGroup }) {
  return (
    <Card title={group.title}>
      <div className="divide-y divide-line">
        {group.blocks.map((block) => (
          <Block key={block.title} block={block} />
        ))}
      </div>
    </Card>
  );
}

function Block({ block }: { block: OptionBlock }) {
  return (
    <section className="grid gap-x-6 gap-y-2 px-4 py-3 sm:grid-cols-[15rem_1fr]">
      <div>
        <h3 className="font-medium">{block.title}</h3>
        <p className="text-ink-soft text-xs">{block.about}</p>
      </div>
      <dl className="grid grid-cols-[8rem_minmax(0,1fr)] content-start gap-x-4 gap-y-1">
        {block.rows.map((row) => (
          <Row key={row.name} row={row} />
        ))}
      </dl>
    </section>
  );
}

function Row({ row }: { row: OptionRow }) {
  return (
    <>
      <dt className="text-ink-soft">{row.name}</dt>
      <dd className="flex min-w-0 items-start gap-2">
        {row.isCode ? (
          <>
            <code className="min-w-0 break-all font-mono text-[0.8125rem] leading-6">
              {row.value}
            </code>
            <CopyButton text={row.value} label={`Copy ${row.name.toLowerCase()}`} />
          </>
        ) : (
          <span className="tabular-nums">{row.value}</span>
        )}
        {row.isDefault && <Badge>Default</Badge>}
      </dd>
    </>
  );
}
