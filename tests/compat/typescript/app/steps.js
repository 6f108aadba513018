// Functions about steps that run code: sequences, parallel groups, repeated ids, sizes, events.

import { client, note } from "./client.js";

const LARGE_TEXT_BYTES = 1024 * 1024;

const chain = client.createFunction(
  { id: "chain", triggers: [{ event: "ts/chain" }] },
  async ({ event, step, runId, attempt }) => {
    note(runId, "handler", attempt);
    const one = await step.run("first", () => {
      note(runId, "first", attempt);
      return 1;
    });
    const two = await step.run("second", async () => {
      note(runId, "second", attempt);
      return one + 10;
    });
    const three = await step.run(
      "third",
      (total) => {
        note(runId, "third", attempt);
        return { total, text: "zwölf ☃", nothing: null };
      },
      two,
    );
    return { steps: [one, two, three], event: event.data };
  },
);

const manySteps = client.createFunction(
  { id: "many-steps", triggers: [{ event: "ts/many.steps" }] },
  async ({ step, runId, attempt }) => {
    let total = 0;
    for (let index = 0; index < 50; index += 1) {
      total += await step.run(`body ${index}`, () => {
        note(runId, "body", attempt);
        return index;
      });
    }
    return total;
  },
);

const repeatedIds = client.createFunction(
  { id: "repeated-ids", triggers: [{ event: "ts/repeated.ids" }] },
  async ({ step, runId, attempt }) => {
    const results = [];
    for (const index of [0, 1, 2]) {
      results.push(
        await step.run("same", () => {
          note(runId, `body ${index}`, attempt);
          return index;
        }),
      );
    }
    return results;
  },
);

async function squares({ step, runId, attempt }) {
  note(runId, "handler", attempt);
  const results = await Promise.all(
    [1, 2, 3].map((number) =>
      step.run(`square ${number}`, () => {
        note(runId, `square ${number}`, attempt);
        return number * number;
      }),
    ),
  );
  const total = await step.run("total", () => {
    note(runId, "total", attempt);
    return results.reduce((sum, square) => sum + square, 0);
  });
  return { squares: results, total };
}

const parallel = client.createFunction(
  { id: "parallel", triggers: [{ event: "ts/parallel" }] },
  squares,
);

// Request version 1: the server calls the function after every completed step of the group.
const parallelUnoptimized = client.createFunction(
  {
    id: "parallel-unoptimized",
    optimizeParallelism: false,
    triggers: [{ event: "ts/parallel.unoptimized" }],
  },
  squares,
);

const promiseRace = client.createFunction(
  { id: "promise-race", triggers: [{ event: "ts/promise.race" }] },
  async ({ step, runId, attempt }) => {
    const winner = await Promise.race([
      step.sleep("slow", "3s").then(() => "slow"),
      step.run("quick", () => {
        note(runId, "quick", attempt);
        return "quick";
      }),
    ]);
    return step.run("after", () => {
      note(runId, "after", attempt);
      return `${winner} won`;
    });
  },
);

// Race mode: the function goes on with the winner before its siblings are done.
const groupRace = client.createFunction(
  { id: "group-race", triggers: [{ event: "ts/group.race" }] },
  async ({ group, step, runId, attempt }) => {
    const winner = await group.parallel(async () =>
      Promise.race([
        step.sleep("slow", "5s").then(() => "slow"),
        step.run("quick", () => {
          note(runId, "quick", attempt);
          return "quick";
        }),
      ]),
    );
    return step.run("after", () => {
      note(runId, "after", attempt);
      return `${winner} won`;
    });
  },
);

// Two branches of two steps each, without any group tool: plain promises.
const parallelBranches = client.createFunction(
  { id: "parallel-branches", triggers: [{ event: "ts/parallel.branches" }] },
  async ({ step, runId, attempt }) => {
    const body = (name) => {
      note(runId, name, attempt);
      return name;
    };
    const branch = async (name) => {
      const first = await step.run(`${name} 1`, () => body(`${name} 1`));
      const second = await step.run(`${name} 2`, () => body(`${name} 2`));
      return `${first}, ${second}`;
    };
    return Promise.all([branch("left"), branch("right")]);
  },
);

const parallelMixed = client.createFunction(
  { id: "parallel-mixed", triggers: [{ event: "ts/parallel.mixed" }] },
  async ({ step, runId, attempt }) => {
    const { invokedEcho } = await import("./waiting.js");
    const group = await Promise.all([
      step.run("body", () => {
        note(runId, "body", attempt);
        return "body";
      }),
      step.sleep("nap", "1s"),
      step.waitForEvent("wait", { event: "ts/never", timeout: "1s" }),
      step.invoke("invoke", { function: invokedEcho, data: { n: 1 } }),
    ]);
    const after = await step.run("after", () => {
      note(runId, "after", attempt);
      return "after";
    });
    return { group: group.map((result) => result ?? null), after };
  },
);

const largeOutput = client.createFunction(
  { id: "large-output", triggers: [{ event: "ts/large.output" }] },
  async ({ step, runId, attempt }) => {
    const text = await step.run("body", () => {
      note(runId, "body", attempt);
      return "x".repeat(LARGE_TEXT_BYTES);
    });
    return { length: text.length };
  },
);

// Six outputs of 1 MiB: more than a request may carry, so the SDK has to fetch them.
const largeState = client.createFunction(
  { id: "large-state", triggers: [{ event: "ts/large.state" }] },
  async ({ events, step, runId, attempt }) => {
    const texts = [];
    for (let index = 0; index < 6; index += 1) {
      texts.push(
        await step.run(`body ${index}`, () => {
          note(runId, `body ${index}`, attempt);
          return String(index).repeat(LARGE_TEXT_BYTES);
        }),
      );
    }
    return {
      lengths: texts.map((text) => text.length),
      starts: texts.map((text) => text[0]).join(""),
      events: events.map((event) => event.name),
    };
  },
);

const sendEvents = client.createFunction(
  { id: "send-events", triggers: [{ event: "ts/send.events" }] },
  async ({ step }) => {
    const sent = await step.sendEvent("send", [
      { name: "ts/sent", data: { index: 0 } },
      { name: "ts/sent", data: { index: 1 } },
    ]);
    return sent.ids;
  },
);

const receiveEvent = client.createFunction(
  { id: "receive-event", triggers: [{ event: "ts/sent" }] },
  async ({ event }) => event.data.index,
);

export const functions = [
  chain,
  manySteps,
  repeatedIds,
  parallel,
  parallelUnoptimized,
  promiseRace,
  groupRace,
  parallelBranches,
  parallelMixed,
  largeOutput,
  largeState,
  sendEvents,
  receiveEvent,
];
