// Functions whose traces are read back. Every function exists twice in one process: of a client with
// checkpointing, as the SDK has it by default, and of one without.

import { Inngest, NonRetriableError, experiment, referenceFunction } from "inngest";
import { metadataMiddleware, scoreMiddleware } from "inngest/experimental";
import { endpointAdapter } from "inngest/node";
import { gatePassed, note } from "../shared/stage.js";
import { callModel } from "./tracing.js";

/** All functions of one client; events begin with the client's id. */
export function functionsOf(client) {
  const on = (name) => [{ event: `${client.id}/${name}` }];
  const define = (id, options, body) =>
    client.createFunction({ id, triggers: on(id), retries: 0, ...options }, body);

  const values = define("values", {}, async ({ step }) => {
    await step.run("text", () => "hello");
    await step.run("number", () => 1);
    await step.run("nothing", () => undefined);
    await step.run("has data", () => ({ data: { deep: true } }));
    return { foo: { bar: 1 } };
  });

  const stepless = define("stepless", {}, async () => "function output");

  const caught = define("caught", { retries: 1 }, async ({ step }) => {
    const messages = [];
    for (const [name, options] of [
      ["with cause", { cause: new TypeError("deeper") }],
      ["without cause", {}],
    ]) {
      try {
        await step.run(name, () => {
          throw new Error("Oh no!", options);
        });
      } catch (error) {
        messages.push(error.message);
      }
    }
    return messages;
  });

  const throwing = define("throwing", { retries: 1 }, async ({ event, step }) => {
    await step.run("before", () => "before");
    if (!event.data.never) throw new Error("no way");
    await step.run("never reached", () => "after");
  });

  const refusing = define("refusing", { retries: 3 }, async () => {
    throw new NonRetriableError("not again");
  });

  const child = client.createFunction({ id: "child" }, async ({ event }) => ({
    asked: event.data.question,
  }));
  const failingChild = client.createFunction({ id: "failing-child", retries: 0 }, async () => {
    throw new RangeError("child is broken");
  });

  const invoking = define("invoking", {}, async ({ step }) =>
    step.invoke("ask child", { function: child, data: { question: "why" } }),
  );

  const invokingFailed = define("invoking-failed", {}, async ({ step }) => {
    try {
      return await step.invoke("ask child", { function: failingChild });
    } catch (error) {
      return error.message;
    }
  });

  const invokingNobody = define("invoking-nobody", {}, async ({ step }) =>
    step.invoke("invoke-non-existent-fn", {
      function: referenceFunction({ functionId: "non-existent-fn" }),
    }),
  );

  const sleeping = define("sleeping", {}, async ({ step }) => {
    await step.sleep("nap", "1s");
    return "rested";
  });

  const waiting = define("waiting", {}, async ({ step }) => {
    const paid = await step.waitForEvent("paid", {
      event: `${client.id}/paid`,
      if: "async.data.order == event.data.order",
      timeout: "1h",
    });
    return paid.data;
  });

  const waitingInVain = define("waiting-in-vain", {}, async ({ step }) =>
    step.waitForEvent("never", { event: `${client.id}/never`, timeout: "1s" }),
  );

  const signalled = define("signalled", {}, async ({ event, step }) => {
    const signal = { signal: event.data.signal, timeout: "1h" };
    return (await step.waitForSignal("go", signal)).data;
  });

  const parallel = define("parallel", {}, async ({ step }) =>
    Promise.all([1, 2, 3].map((n) => step.run(`square ${n}`, () => n * n))),
  );

  const sending = define("sending", {}, async ({ step }) => {
    const sent = await step.sendEvent("send", { name: `${client.id}/sent`, data: { n: 1 } });
    return sent.ids;
  });

  const wrapped = define("wrapped", {}, async ({ step }) =>
    step.ai.wrap("my-step", async (question) => ({ answer: question.length }), "how long?"),
  );

  const modelled = define("modelled", {}, async ({ step }) =>
    step.run("my-step", async () => callModel("forty-two")),
  );

  const standing = define("standing", {}, async ({ event, step, runId }) => {
    await step.run("first", () => 1);
    await step.run("stand", async () => {
      note(runId, "stand", 0);
      await gatePassed(event.data.gate);
    });
    return "stood";
  });

  const scored = define("scored", {}, async ({ step, group }) => {
    await step.score("score run", { name: "rizz", value: 100 });
    await step.run("my-step", async () => {
      await client.score({ name: "taste", value: true });
      return "scored";
    });
    await step.metadata("say more").set({ cost: 3 }, "bill");
    const chosen = await group.experiment("checkout", {
      variants: { control: () => step.run("control checkout", () => "old") },
      select: experiment.fixed("control"),
    });
    return chosen;
  });

  const batched = define(
    "batched",
    { batchEvents: { maxSize: 3, timeout: "10s" } },
    async ({ events }) => events.map((event) => event.data.n),
  );

  const cancelled = define(
    "cancelled",
    { cancelOn: [{ event: `${client.id}/stop`, match: "data.order" }] },
    async ({ step }) => {
      await step.run("first", () => 1);
      await step.sleep("nap", "1h");
    },
  );

  return [
    values,
    stepless,
    caught,
    throwing,
    refusing,
    child,
    failingChild,
    invoking,
    invokingFailed,
    invokingNobody,
    sleeping,
    waiting,
    waitingInVain,
    signalled,
    parallel,
    sending,
    wrapped,
    modelled,
    standing,
    scored,
    batched,
    cancelled,
  ];
}

export function clientOf(id, options) {
  return new Inngest({
    id,
    endpointAdapter,
    middleware: [metadataMiddleware(), scoreMiddleware()],
    ...options,
  });
}
