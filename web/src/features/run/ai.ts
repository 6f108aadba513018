import type { SpanMetadata } from './queries';
import { everyNode, type TraceNode } from './timeline/node';

/** What calls of models took together. */
export interface ModelUse {
  model: string;
  calls: number;
  inputTokens: number;
  outputTokens: number;
  /** Estimated, in US dollars; null if the price of no call is known. */
  cost: number | null;
}

const AI = 'inngest.ai';

export function isAi(entry: SpanMetadata): boolean {
  return entry.kind === AI;
}

/** What each model was used for in a run, the most used first. */
export function modelUses(root: TraceNode): ModelUse[] {
  const uses = new Map<string, ModelUse>();
  const seen = new Set<string>();
  for (const { span } of everyNode(root)) {
    // A step and its last attempt are the same span.
    if (seen.has(span.spanID)) continue;
    seen.add(span.spanID);
    for (const entry of span.metadata.filter(isAi)) add(uses, entry.values);
  }
  return [...uses.values()].sort((a, b) => tokens(b) - tokens(a));
}

/** Longer answers are not looked through. */
const ANSWER_CHARS_MAX = 1_000_000;

/** What an answer of a model says it took; null if it does not look like one. */
export function modelUseOfAnswer(json: string): ModelUse | null {
  if (json.length > ANSWER_CHARS_MAX) return null;
  const answer = objectOf(parsed(json));
  const usage = objectOf(answer?.usage ?? answer?.usageMetadata);
  if (!answer || !usage) return null;
  const inputTokens = firstNumber(usage, ['prompt_tokens', 'input_tokens', 'promptTokenCount']);
  const outputTokens = firstNumber(usage, [
    'completion_tokens',
    'output_tokens',
    'candidatesTokenCount',
  ]);
  if (inputTokens === null && outputTokens === null) return null;
  const model = String(answer.model ?? answer.modelVersion ?? 'unknown model');
  return {
    model,
    calls: 1,
    inputTokens: inputTokens ?? 0,
    outputTokens: outputTokens ?? 0,
    cost: null,
  };
}

/** All models together; null without any. */
export function sumOfUses(uses: readonly ModelUse[]): ModelUse | null {
  if (uses.length === 0) return null;
  const costs = uses.flatMap(({ cost }) => (cost === null ? [] : [cost]));
  return {
    model: uses.length === 1 ? (uses[0]?.model ?? '') : `${uses.length} models`,
    calls: sum(uses.map(({ calls }) => calls)),
    inputTokens: sum(uses.map(({ inputTokens }) => inputTokens)),
    outputTokens: sum(uses.map(({ outputTokens }) => outputTokens)),
    cost: costs.length > 0 ? sum(costs) : null,
  };
}

/** "$1.20", "$0.0042": two digits that count, and never so small that it looks like nothing. */
export function formatCost(dollars: number): string {
  if (dollars >= 0.01 || dollars === 0) return `$${dollars.toFixed(2)}`;
  if (dollars < 0.000001) return 'under $0.000001';
  const digits = 1 - Math.floor(Math.log10(dollars));
  return `$${dollars.toFixed(digits).replace(/0+$/, '')}`;
}

function add(uses: Map<string, ModelUse>, values: Record<string, unknown>): void {
  const model = String(values.response_model ?? values.request_model ?? 'unknown model');
  const use = uses.get(model) ?? { model, calls: 0, inputTokens: 0, outputTokens: 0, cost: null };
  use.calls += 1;
  use.inputTokens += numberOf(values.input_tokens) ?? 0;
  use.outputTokens += numberOf(values.output_tokens) ?? 0;
  const cost = numberOf(values.estimated_cost);
  if (cost !== null) use.cost = (use.cost ?? 0) + cost;
  uses.set(model, use);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function objectOf(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
}

function firstNumber(values: Record<string, unknown>, keys: readonly string[]): number | null {
  for (const key of keys) {
    const found = numberOf(values[key]);
    if (found !== null) return found;
  }
  return null;
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);
const tokens = (use: ModelUse) => use.inputTokens + use.outputTokens;
