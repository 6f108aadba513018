// Functions that decide what an arriving event becomes: later, together, before others, or not.

import { client, mark, noteOf, on, stand } from "./client.js";

function lastEvent(context, of) {
  noteOf(context, "begin", of);
  return context.event.data;
}

function debouncing(id, debounce) {
  return client.createFunction(
    { id, debounce, triggers: on(id.replaceAll("-", ".")) },
    async (context) => lastEvent(context, id),
  );
}

function numbersOf(context, of) {
  const numbers = context.events.map((event) => event.data.n ?? null);
  noteOf(context, "begin", of, { numbers });
  return numbers;
}

function batching(id, batchEvents, condition) {
  return client.createFunction(
    { id, batchEvents, triggers: on(id.replaceAll("-", "."), condition) },
    async (context) => numbersOf(context, id),
  );
}

// No trigger at all: it can only be invoked.
const batchedChild = client.createFunction(
  { id: "batched-child", batchEvents: { maxSize: 3, timeout: "1s" } },
  async ({ events }) => events.length,
);

const batchCaller = client.createFunction(
  { id: "batch-caller", triggers: on("batch.caller") },
  async ({ step }) => step.invoke("child", { function: batchedChild }),
);

const batchedLarge = client.createFunction(
  {
    id: "batched-large",
    batchEvents: { maxSize: 8, timeout: "20s" },
    triggers: on("batched.large"),
  },
  async ({ events }) => events.map((event) => [event.data.n, event.data.text.length]),
);

const prioritised = client.createFunction(
  {
    id: "prioritised",
    concurrency: 1,
    priority: { run: "event.data.high == true ? 60 : 0" },
    triggers: on("prioritised"),
  },
  async (context) => stand(context, "prioritised"),
);

const singletonSkip = client.createFunction(
  {
    id: "singleton-skip",
    singleton: { mode: "skip", key: "event.data.user" },
    triggers: on("singleton.skip"),
  },
  async (context) => stand(context, "singleton-skip"),
);

const singletonCancel = client.createFunction(
  {
    id: "singleton-cancel",
    singleton: { mode: "cancel", key: "event.data.user" },
    triggers: on("singleton.cancel"),
  },
  async (context) => {
    await mark(context, "begin", "singleton-cancel");
    await context.step.sleep("nap", context.event.data.nap ?? "1s");
    return context.event.data.n;
  },
);

export const functions = [
  debouncing("debounced", { period: "1s" }),
  debouncing("debounced-keyed", { period: "1s", key: "event.data.key" }),
  debouncing("debounced-ordered", { period: "1s" }),
  debouncing("debounced-timeout", { period: "2s", timeout: "3s" }),
  batching("batched", { maxSize: 5, timeout: "2s" }),
  batching("batched-keyed", { maxSize: 2, timeout: "2s", key: "event.data.key" }),
  batching("batched-if", { maxSize: 5, timeout: "20s", if: "event.data.together == true" }),
  batching("batched-trigger", { maxSize: 2, timeout: "20s" }, "event.data.wanted == true"),
  batchedChild,
  batchCaller,
  batchedLarge,
  prioritised,
  singletonSkip,
  singletonCancel,
];
