import { describe, expect, it } from 'vitest';
import { formatCost, modelUseOfAnswer, modelUses, sumOfUses } from './ai';
import { runOf, stepOf } from './testing/spans';
import { arrange } from './timeline/arrange';

function call(values: Record<string, unknown>) {
  return [{ scope: 'step', kind: 'inngest.ai', values, updatedAt: '' }];
}

const root = arrange(
  runOf([
    stepOf('a', {
      status: 'FAILED',
      ended: 1,
      metadata: call({ request_model: 'small', input_tokens: 10, output_tokens: 0 }),
    }),
    stepOf('a', {
      attempts: 1,
      queued: 2,
      ended: 3,
      metadata: call({
        request_model: 'small',
        input_tokens: 10,
        output_tokens: 5,
        estimated_cost: 0.01,
      }),
    }),
    stepOf('b', {
      queued: 4,
      ended: 5,
      metadata: call({
        request_model: 'large',
        response_model: 'large-2',
        input_tokens: 1_000,
        output_tokens: 50,
      }),
    }),
  ]),
);

describe('modelUses', () => {
  it('adds calls up by model, the most used first, every attempt once', () => {
    expect(modelUses(root)).toEqual([
      { model: 'large-2', calls: 1, inputTokens: 1_000, outputTokens: 50, cost: null },
      { model: 'small', calls: 2, inputTokens: 20, outputTokens: 5, cost: 0.01 },
    ]);
  });
});

describe('sumOfUses', () => {
  it('adds models up', () => {
    expect(sumOfUses(modelUses(root))).toEqual({
      model: '2 models',
      calls: 3,
      inputTokens: 1_020,
      outputTokens: 55,
      cost: 0.01,
    });
  });

  it('is nothing without any', () => {
    expect(sumOfUses([])).toBeNull();
  });
});

describe('formatCost', () => {
  it('keeps two digits that count', () => {
    expect(formatCost(0)).toBe('$0.00');
    expect(formatCost(1.2)).toBe('$1.20');
    expect(formatCost(0.0042)).toBe('$0.0042');
    expect(formatCost(0.000123)).toBe('$0.00012');
    expect(formatCost(0.0000001)).toBe('under $0.000001');
  });
});

describe('modelUseOfAnswer', () => {
  const tokens = (answer: object) => {
    const use = modelUseOfAnswer(JSON.stringify(answer));
    return use && [use.model, use.inputTokens, use.outputTokens];
  };

  it('reads the answers of several providers', () => {
    const chat = { model: 'a', usage: { prompt_tokens: 8, completion_tokens: 3 } };
    expect(tokens(chat)).toEqual(['a', 8, 3]);
    expect(tokens({ model: 'b', usage: { input_tokens: 5, output_tokens: 2 } })).toEqual([
      'b',
      5,
      2,
    ]);
    const generated = { promptTokenCount: 4, candidatesTokenCount: 1 };
    expect(tokens({ modelVersion: 'c', usageMetadata: generated })).toEqual(['c', 4, 1]);
  });

  it('finds nothing in other outputs', () => {
    expect(tokens({ usage: 'much' })).toBeNull();
    expect(tokens({ usage: { disk: 7 } })).toBeNull();
    expect(modelUseOfAnswer('not json')).toBeNull();
    expect(modelUseOfAnswer('7')).toBeNull();
  });
});
