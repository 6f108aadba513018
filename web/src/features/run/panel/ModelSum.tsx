import { formatCost, type ModelUse } from '../ai';

/** What calls of models took together. */
export function ModelSum({ use }: { use: ModelUse }) {
  const parts = [
    `${use.calls.toLocaleString()} ${use.calls === 1 ? 'call' : 'calls'}`,
    `${use.inputTokens.toLocaleString()} tokens in`,
    `${use.outputTokens.toLocaleString()} tokens out`,
    ...(use.cost === null ? [] : [`about ${formatCost(use.cost)}`]),
  ];
  return (
    <section>
      <h3 className="text-ink-faint text-xs">Models</h3>
      <p className="mt-0.5">
        <span className="font-medium">{use.model}</span>
        <span className="text-ink-soft tabular-nums"> · {parts.join(' · ')}</span>
      </p>
    </section>
  );
}
