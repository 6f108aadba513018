// Functions that fail: in steps and outside, once or always, caught or not.

import { NonRetriableError, RetryAfterError } from "inngest";
import { client, count, note } from "./client.js";

const tellOfFailure = async ({ event, error, step, runId, attempt }) =>
  step.run("tell", () => {
    note(runId, "on failure", attempt, {
      failed_run_id: event.data.run_id,
      function_id: event.data.function_id,
      event: event.name,
      original: event.data.event.data,
      name: error.name,
      message: error.message,
    });
    return "told";
  });

// The first step works at once, the second at its second attempt.
const stepRetried = client.createFunction(
  { id: "step-retried", retries: 2, triggers: [{ event: "ts/step.retried" }] },
  async ({ step, runId, attempt }) => [
    await step.run("steady", () => {
      note(runId, "steady", attempt);
      return "steady";
    }),
    await step.run("flaky", () => {
      note(runId, "flaky", attempt);
      if (attempt === 0) throw new Error("not yet");
      return `worked at attempt ${attempt}`;
    }),
  ],
);

const stepErrorCaught = client.createFunction(
  { id: "step-error-caught", retries: 1, triggers: [{ event: "ts/step.error.caught" }] },
  async ({ step, runId, attempt }) => {
    try {
      await step.run("broken", () => {
        note(runId, "broken", attempt);
        throw new TypeError("out of stock", { cause: new Error("warehouse on fire") });
      });
    } catch (error) {
      const fallback = await step.run("fallback", () => {
        note(runId, "fallback", attempt);
        return "sold something else";
      });
      return {
        name: error.name,
        message: error.message,
        cause: error.cause.message,
        has_stack: Boolean(error.stack),
        fallback,
      };
    }
    return {};
  },
);

const stepErrorUncaught = client.createFunction(
  {
    id: "step-error-uncaught",
    retries: 1,
    onFailure: tellOfFailure,
    triggers: [{ event: "ts/step.error.uncaught" }],
  },
  async ({ step, runId, attempt }) => {
    await step.run("broken", () => {
      note(runId, "broken", attempt);
      throw new TypeError("no such customer");
    });
  },
);

// One of two parallel steps fails for good; the other's result is kept.
const parallelError = client.createFunction(
  { id: "parallel-error", retries: 0, triggers: [{ event: "ts/parallel.error" }] },
  async ({ step, runId, attempt }) => ({
    group: await Promise.all([
      step.run("works", () => {
        note(runId, "works", attempt);
        return "works";
      }),
      step
        .run("broken", () => {
          note(runId, "broken", attempt);
          throw new Error("broken branch");
        })
        .catch((error) => `caught ${error.message}`),
    ]),
  }),
);

// Fails outside any step; the memoised step before it must not run again.
const handlerRetried = client.createFunction(
  { id: "handler-retried", retries: 2, triggers: [{ event: "ts/handler.retried" }] },
  async ({ step, runId, attempt }) => {
    const before = await step.run("before", () => {
      note(runId, "before", attempt);
      return "before";
    });
    note(runId, "after", attempt);
    if (count(runId, "after") < 3) throw new Error("handler not ready");
    return { before, attempt };
  },
);

const handlerFailed = client.createFunction(
  { id: "handler-failed", retries: 1, triggers: [{ event: "ts/handler.failed" }] },
  async ({ runId, attempt }) => {
    note(runId, "handler", attempt);
    throw new RangeError("never ready");
  },
);

const nonRetriable = client.createFunction(
  {
    id: "non-retriable",
    retries: 3,
    onFailure: tellOfFailure,
    triggers: [{ event: "ts/non.retriable" }],
  },
  async ({ runId, attempt }) => {
    note(runId, "handler", attempt);
    throw new NonRetriableError("card expired");
  },
);

const nonRetriableStep = client.createFunction(
  { id: "non-retriable-step", retries: 3, triggers: [{ event: "ts/non.retriable.step" }] },
  async ({ step, runId, attempt }) => {
    try {
      await step.run("body", () => {
        note(runId, "body", attempt);
        throw new NonRetriableError("card stolen");
      });
    } catch (error) {
      return `caught ${error.message}`;
    }
    return "";
  },
);

// Asks for a delay that differs from the server's `--retry-interval`.
const retryAfter = client.createFunction(
  { id: "retry-after", retries: 1, triggers: [{ event: "ts/retry.after" }] },
  async ({ runId, attempt }) => {
    note(runId, "handler", attempt);
    if (attempt === 0) throw new RetryAfterError("busy", "3s");
    return attempt;
  },
);

const retryAfterStep = client.createFunction(
  { id: "retry-after-step", retries: 1, triggers: [{ event: "ts/retry.after.step" }] },
  async ({ step, runId, attempt }) =>
    step.run("body", () => {
      note(runId, "body", attempt);
      if (attempt === 0) throw new RetryAfterError("busy", "3s");
      return attempt;
    }),
);

export const functions = [
  stepRetried,
  stepErrorCaught,
  stepErrorUncaught,
  parallelError,
  handlerRetried,
  handlerFailed,
  nonRetriable,
  nonRetriableStep,
  retryAfter,
  retryAfterStep,
];
