// Functions whose results must not depend on how often their app is called.

import { NonRetriableError } from "inngest";
import { getAsyncCtx } from "inngest/experimental";
import { count, gatePassed, note } from "../shared/stage.js";
import { client, on, prefix } from "./client.js";

const MIB = 1024 * 1024;

function body({ runId, attempt }, name, result = name) {
  note(runId, name, attempt);
  return result;
}

function twentySteps(options) {
  return client.createFunction(options, async (context) => {
    let total = 0;
    for (let index = 0; index < 20; index += 1) {
      total += await context.step.run(`step ${index}`, () =>
        body(context, `step ${index}`, index),
      );
    }
    return { total, event: context.event.data };
  });
}

const twenty = twentySteps({ id: "twenty", triggers: on("twenty") });

// Only the process with checkpointing has the two below as they are declared.
const buffered =
  process.env.COMPAT_CHECKPOINTING === "off"
    ? []
    : [
        twentySteps({
          id: "buffered",
          checkpointing: { bufferedSteps: 7 },
          triggers: on("buffered"),
        }),
        client.createFunction(
          { id: "slow", checkpointing: { maxRuntime: "1s" }, triggers: on("slow") },
          async (context) => {
            for (let index = 0; index < 8; index += 1) {
              await context.step.run(`step ${index}`, async () => {
                await new Promise((resolve) => setTimeout(resolve, 300));
                body(context, `step ${index}`);
              });
            }
            return "slow but steady";
          },
        ),
      ];

const parallel = client.createFunction(
  { id: "parallel", triggers: on("parallel") },
  async (context) => {
    const { step } = context;
    const before = await step.run("before", () => body(context, "before", 1));
    const squares = await Promise.all(
      [2, 3, 4].map((n) => step.run(`square ${n}`, () => body(context, `square ${n}`, n * n))),
    );
    const first = await step.run("first after", () => body(context, "first after", 10));
    const second = await step.run("second after", () => body(context, "second after", 20));
    return [before, ...squares, first, second];
  },
);

const sleeping = client.createFunction(
  { id: "sleeping", triggers: on("sleeping") },
  async (context) => {
    const { step } = context;
    const results = [];
    for (const name of ["a", "b"]) results.push(await step.run(name, () => body(context, name)));
    await step.sleep("nap", "1s");
    for (const name of ["c", "d"]) results.push(await step.run(name, () => body(context, name)));
    return results;
  },
);

const waiting = client.createFunction(
  { id: "waiting", triggers: on("waiting") },
  async (context) => {
    const { event, step } = context;
    const order = await step.run("order", () => body(context, "order", event.data.order));
    const paid = await step.waitForEvent("paid", {
      event: `${prefix}/paid`,
      if: "async.data.order == event.data.order",
      timeout: "1m",
    });
    return step.run("sum", () => body(context, "sum", `${order}: ${paid.data.total}`));
  },
);

const child = client.createFunction({ id: "child" }, async (context) => {
  const doubled = await context.step.run("double", () =>
    body(context, "double", context.event.data.n * 2),
  );
  return context.step.run("increment", () => body(context, "increment", doubled + 1));
});

const invoking = client.createFunction(
  { id: "invoking", triggers: on("invoking") },
  async (context) => {
    const { step } = context;
    const n = await step.run("n", () => body(context, "n", 20));
    const answer = await step.invoke("child", { function: child, data: { n } });
    return step.run("answer", () => body(context, "answer", answer));
  },
);

// The second step fails once, the third always and is caught.
const retried = client.createFunction(
  { id: "retried", retries: 1, triggers: on("retried") },
  async (context) => {
    const { step, attempt } = context;
    const results = [await step.run("steady", () => body(context, "steady"))];
    results.push(
      await step.run("flaky", () => {
        body(context, "flaky");
        if (attempt === 0) throw new Error("not yet");
        return "flaky at last";
      }),
    );
    try {
      await step.run("broken", () => {
        body(context, "broken");
        throw new RangeError("never");
      });
    } catch (error) {
      results.push(`${error.name}: ${error.message}`);
    }
    results.push(await step.run("end", () => body(context, "end")));
    return results;
  },
);

// Each of the three steps fails once. With one retry this is only possible if progress resets
// the count of attempts.
const stumbling = client.createFunction(
  { id: "stumbling", retries: 1, triggers: on("stumbling") },
  async (context) => {
    const results = [];
    for (const name of ["a", "b", "c"]) {
      results.push(
        await context.step.run(name, () => {
          body(context, name);
          if (count(context.runId, name) === 1) throw new Error(`${name} stumbles`);
          return name;
        }),
      );
    }
    return results;
  },
);

const failing = client.createFunction(
  { id: "failing", retries: 1, triggers: on("failing") },
  async (context) => {
    for (const name of ["a", "b"]) await context.step.run(name, () => body(context, name));
    body(context, "handler");
    throw new Error("nothing to be done");
  },
);

const refusing = client.createFunction(
  { id: "refusing", retries: 3, triggers: on("refusing") },
  async (context) => {
    await context.step.run("a", () => body(context, "a"));
    body(context, "handler");
    throw new NonRetriableError("card expired");
  },
);

// More state than a request may carry, so that the SDK has to fetch it after the sleep.
const large = client.createFunction({ id: "large", triggers: on("large") }, async (context) => {
  const { step } = context;
  const texts = [];
  for (let index = 0; index < 6; index += 1) {
    texts.push(
      await step.run(`text ${index}`, () =>
        body(context, `text ${index}`, String(index).repeat(MIB)),
      ),
    );
  }
  await step.sleep("nap", "1s");
  return texts.map((text) => [text[0], text.length]);
});

// Shows the test what names its call, and stands until the test has used it.
const standing = client.createFunction(
  { id: "standing", triggers: on("standing") },
  async (context) => {
    const { event, step } = context;
    await step.run("first", () => body(context, "first"));
    await step.run("stand", async () => {
      const { options } = (await getAsyncCtx()).execution.instance;
      note(context.runId, "stand", context.attempt, {
        fn_id: options.internalFnId,
        qi_id: options.queueItemId,
        generation_id: options.generationId,
      });
      await gatePassed(event.data.gate);
    });
    await step.run("last", () => body(context, "last"));
    return "stood";
  },
);

export const functions = [
  twenty,
  ...buffered,
  parallel,
  sleeping,
  waiting,
  child,
  invoking,
  retried,
  stumbling,
  failing,
  refusing,
  large,
  standing,
];
