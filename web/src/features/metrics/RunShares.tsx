import { Card, Fact, Facts } from '~/ui/Card';
import { Dot, TONE_SOLID } from '~/ui/Status';
import { formatRate, type Numbers } from './numbers';
import { openAtEnd, sharesOf } from './shares';

/** How runs ended, and what has not gone on. */
export function RunShares({ numbers }: { numbers: Numbers }) {
  const shares = sharesOf(numbers);
  const all = shares.reduce((sum, { count }) => sum + count, 0);
  return (
    <Card title="How runs ended">
      <div className="flex flex-col gap-4 p-4">
        <div aria-hidden className="flex h-3 gap-px overflow-hidden rounded-full bg-hover">
          {shares.map(
            ({ title, tone, part }) =>
              part > 0 && (
                <div
                  key={title}
                  className={TONE_SOLID[tone]}
                  style={{ width: `${Math.max(0.5, part * 100)}%` }}
                />
              ),
          )}
        </div>
        {all === 0 && <p className="text-ink-soft">No run ended in this range.</p>}
        <ul className="grid gap-x-8 gap-y-1.5 sm:grid-cols-2">
          {shares.map(({ title, tone, count, part }) => (
            <li key={title} className="flex items-center gap-2">
              <Dot tone={tone} />
              <span className="flex-1">{title}</span>
              <span className="tabular-nums">{count.toLocaleString()}</span>
              <span className="w-16 text-right text-ink-faint tabular-nums">
                {all > 0 ? formatRate(part) : '–'}
              </span>
            </li>
          ))}
        </ul>
        <Facts className="border-line border-t pt-3">
          {openAtEnd(numbers).map(({ title, count }) => (
            <Fact key={title} name={`${title} at the end`}>
              <span className="tabular-nums">{count.toLocaleString()}</span>
            </Fact>
          ))}
        </Facts>
      </div>
    </Card>
  );
}
