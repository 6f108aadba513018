// Functions that wait: for a time, for an event, for another function, or to be cancelled.

import { referenceFunction } from "inngest";
import { client, note } from "./client.js";

// How long the run slept, measured by the app, in milliseconds.
const sleep = client.createFunction(
  { id: "sleep", triggers: [{ event: "ts/sleep" }] },
  async ({ step }) => {
    const before = await step.run("before", () => Date.now());
    await step.sleep("nap", "1s");
    return (await step.run("after", () => Date.now())) - before;
  },
);

const sleepUntil = client.createFunction(
  { id: "sleep-until", triggers: [{ event: "ts/sleep.until" }] },
  async ({ step }) => {
    const until = await step.run("choose", () => Date.now() + 2000);
    await step.sleepUntil("past", "2001-09-09T00:00:00Z");
    await step.sleepUntil("nap", new Date(until));
    return { until, woke: await step.run("now", () => Date.now()) };
  },
);

const waitMatch = client.createFunction(
  { id: "wait-match", triggers: [{ event: "ts/wait.match" }] },
  async ({ step, runId, attempt }) => {
    await step.run("reached", () => note(runId, "reached", attempt));
    const paid = await step.waitForEvent("paid", {
      event: "ts/paid",
      match: "data.order",
      timeout: "5m",
    });
    if (paid === null) return { timed_out: true };
    return { name: paid.name, id: paid.id, data: paid.data, has_ts: paid.ts > 0 };
  },
);

const waitIf = client.createFunction(
  { id: "wait-if", triggers: [{ event: "ts/wait.if" }] },
  async ({ step, runId, attempt }) => {
    await step.run("reached", () => note(runId, "reached", attempt));
    const paid = await step.waitForEvent("paid", {
      event: "ts/paid",
      if: "event.data.order == async.data.order && async.data.total >= 10.0",
      timeout: "5m",
    });
    return paid?.data ?? null;
  },
);

const waitTimeout = client.createFunction(
  { id: "wait-timeout", triggers: [{ event: "ts/wait.timeout" }] },
  async ({ step }) =>
    (await step.waitForEvent("never", { event: "ts/never", timeout: "1s" })) === null,
);

const waitInvalid = client.createFunction(
  { id: "wait-invalid", triggers: [{ event: "ts/wait.invalid" }] },
  async ({ step, runId, attempt }) => {
    note(runId, "handler", attempt);
    await step.waitForEvent("broken", { event: "ts/never", if: "async.data.", timeout: "1m" });
  },
);

// No trigger at all: it can only be invoked.
export const invokedEcho = client.createFunction({ id: "invoked-echo" }, async ({ event }) => {
  const { _inngest, ...data } = event.data;
  return { event: event.name, data };
});

const invokedFailing = client.createFunction(
  { id: "invoked-failing", retries: 0 },
  async ({ runId, attempt }) => {
    note(runId, "handler", attempt);
    throw new RangeError("child is broken");
  },
);

const invokedSlow = client.createFunction({ id: "invoked-slow" }, async ({ step }) => {
  await step.sleep("nap", "4s");
  return "too late";
});

const invokedNothing = client.createFunction({ id: "invoked-nothing" }, async () => {});

const invoke = client.createFunction(
  { id: "invoke", triggers: [{ event: "ts/invoke" }] },
  async ({ event, step }) => ({
    answer: await step.invoke("child", {
      function: invokedEcho,
      data: { question: event.data.question },
    }),
    nothing: await step.invoke("nothing", { function: invokedNothing }),
  }),
);

async function messageOfFailedInvoke(step, options) {
  try {
    await step.invoke("child", options);
  } catch (error) {
    return { name: error.name, message: error.message };
  }
  return {};
}

const invokeFailing = client.createFunction(
  { id: "invoke-failing", triggers: [{ event: "ts/invoke.failing" }] },
  async ({ step }) => messageOfFailedInvoke(step, { function: invokedFailing }),
);

const invokeUnknown = client.createFunction(
  { id: "invoke-unknown", triggers: [{ event: "ts/invoke.unknown" }] },
  async ({ step }) =>
    messageOfFailedInvoke(step, { function: referenceFunction({ functionId: "does-not-exist" }) }),
);

const invokeTimeout = client.createFunction(
  { id: "invoke-timeout", triggers: [{ event: "ts/invoke.timeout" }] },
  async ({ step }) => messageOfFailedInvoke(step, { function: invokedSlow, timeout: "1s" }),
);

const invokeOtherApp = client.createFunction(
  { id: "invoke-other-app", triggers: [{ event: "ts/invoke.other.app" }] },
  async ({ event, step }) =>
    step.invoke("child", {
      function: referenceFunction({ appId: event.data.app, functionId: "invoked-echo" }),
      data: { from: "typescript" },
    }),
);

const cancelled = client.createFunction(
  {
    id: "cancelled",
    triggers: [{ event: "ts/cancelled" }],
    cancelOn: [{ event: "ts/cancel", match: "data.order" }],
  },
  async ({ event, step, runId, attempt }) => {
    await step.run("reached", () => note(runId, "reached", attempt));
    await step.sleep("nap", `${event.data.sleep_s ?? 60}s`);
    await step.run("after", () => note(runId, "after", attempt));
    return "slept";
  },
);

export const functions = [
  sleep,
  sleepUntil,
  waitMatch,
  waitIf,
  waitTimeout,
  waitInvalid,
  invokedEcho,
  invokedFailing,
  invokedSlow,
  invokedNothing,
  invoke,
  invokeFailing,
  invokeUnknown,
  invokeTimeout,
  invokeOtherApp,
  cancelled,
];
