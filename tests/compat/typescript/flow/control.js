// Functions that are timed out, cancelled, run again, replayed and paused.

import { isGateOpen } from "../shared/stage.js";
import { client, mark, noteOf, on, stand, work } from "./client.js";

// Has no option: what it proves is that the server has come this far.
const marker = client.createFunction({ id: "marker", triggers: on("marker") }, async () => "here");

const startTimeout = client.createFunction(
  {
    id: "start-timeout",
    concurrency: 1,
    timeouts: { start: "1s" },
    triggers: on("start.timeout"),
  },
  async (context) => stand(context, "start-timeout"),
);

const startTimeoutThrottled = client.createFunction(
  {
    id: "start-timeout-throttled",
    throttle: { limit: 1, period: "1m" },
    timeouts: { start: "1s" },
    triggers: on("start.timeout.throttled"),
  },
  async (context) => mark(context, "begin", "start-timeout-throttled"),
);

const finishTimeout = client.createFunction(
  { id: "finish-timeout", timeouts: { finish: "2s" }, triggers: on("finish.timeout") },
  async (context) => {
    for (const stepId of ["a", "b", "c"]) await work(context, "finish-timeout", 1200, stepId);
  },
);

const finishTimeoutAsleep = client.createFunction(
  {
    id: "finish-timeout-asleep",
    timeouts: { finish: "1s" },
    triggers: on("finish.timeout.asleep"),
  },
  async ({ step }) => step.sleep("nap", "1m"),
);

const cancelWithin = client.createFunction(
  {
    id: "cancel-within",
    cancelOn: [{ event: "flow-ts/cancel.within.now", match: "data.order", timeout: "3s" }],
    triggers: on("cancel.within"),
  },
  async (context) => {
    await context.step.sleep("nap", "4s");
    await mark(context, "slept", "cancel-within");
    await context.step.waitForEvent("go", {
      event: "flow-ts/cancel.within.go",
      match: "data.order",
      timeout: "1m",
    });
    return "not cancelled";
  },
);

const inFlight = client.createFunction(
  { id: "in-flight", triggers: on("in.flight") },
  async (context) => {
    await stand(context, "in-flight");
    await mark(context, "after", "in-flight");
  },
);

const bulk = client.createFunction({ id: "bulk", triggers: on("bulk") }, async ({ step }) =>
  step.sleep("nap", "5m"),
);

const rerun = client.createFunction({ id: "rerun", triggers: on("rerun") }, async (context) => {
  const number = await context.step.run("read", () => {
    noteOf(context, "read", "rerun");
    return context.event.data.n;
  });
  const doubled = await context.step.run(
    "double",
    (input) => {
      noteOf(context, "double", "rerun");
      return input * 2;
    },
    number,
  );
  return { run_id: context.runId, doubled };
});

const replayed = client.createFunction(
  { id: "replayed", retries: 0, triggers: on("replayed") },
  async ({ event }) => {
    if (!isGateOpen(event.data.gate)) throw new Error("not repaired yet");
    return "repaired";
  },
);

const paused = ["paused-skip", "paused-wait"].map((id) =>
  client.createFunction(
    { id, triggers: on(id.replaceAll("-", ".")) },
    async ({ event }) => event.data.n,
  ),
);

// `paused-twin` does what `paused-hold` does, and is never paused.
const sleeping = ["paused-hold", "paused-twin"].map((id) =>
  client.createFunction({ id, triggers: on(id.replaceAll("-", ".")) }, async (context) => {
    await mark(context, "first", id);
    await context.step.sleep("nap", "2s");
    await mark(context, "second", id);
    return "both";
  }),
);

const pausedCancel = client.createFunction(
  { id: "paused-cancel", triggers: on("paused.cancel") },
  async ({ step }) => step.sleep("nap", "5m"),
);

export const functions = [
  marker,
  startTimeout,
  startTimeoutThrottled,
  finishTimeout,
  finishTimeoutAsleep,
  cancelWithin,
  inFlight,
  bulk,
  rerun,
  replayed,
  ...paused,
  ...sleeping,
  pausedCancel,
];
