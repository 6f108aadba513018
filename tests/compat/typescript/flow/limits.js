// Functions of which only so many may run, or start, at the same time or in a period.

import { client, noteOf, on, work } from "./client.js";

const limitOne = client.createFunction(
  { id: "limit-one", concurrency: 1, triggers: on("limit.one") },
  async (context) => work(context, "limit-one", 400),
);

const fanLeft = client.createFunction(
  { id: "fan-left", concurrency: { limit: 1 }, triggers: on("fan") },
  async (context) => work(context, "fan-left", 500),
);

const fanRight = client.createFunction(
  { id: "fan-right", concurrency: [{ limit: 1 }], triggers: on("fan") },
  async (context) => work(context, "fan-right", 500),
);

const limitKeyed = client.createFunction(
  {
    id: "limit-keyed",
    concurrency: { limit: 1, key: "event.data.number" },
    triggers: on("limit.keyed"),
  },
  async (context) => work(context, "limit-keyed", 1500),
);

const limitBoth = client.createFunction(
  {
    id: "limit-both",
    concurrency: [{ limit: 2 }, { limit: 1, key: "event.data.number" }],
    retries: 0,
    triggers: on("limit.both"),
  },
  async (context) => work(context, "limit-both", 1000),
);

const shared = ["account", "env"].flatMap((scope) =>
  ["a", "b"].map((name) =>
    client.createFunction(
      {
        id: `shared-${scope}-${name}`,
        concurrency: { limit: 1, key: `'flow-ts-${scope}'`, scope },
        triggers: on(`shared.${scope}`),
      },
      async (context) => work(context, `shared-${scope}`, 200),
    ),
  ),
);

// This SDK sends no burst unless told to.
const throttled = client.createFunction(
  { id: "throttled", throttle: { limit: 1, period: "1s" }, triggers: on("throttled") },
  async (context) => work(context, "throttled", 0),
);

const throttledBurst = client.createFunction(
  {
    id: "throttled-burst",
    throttle: { limit: 2, period: "2s", burst: 1 },
    triggers: on("throttled.burst"),
  },
  async (context) => work(context, "throttled-burst", 0),
);

const throttledKeyed = client.createFunction(
  {
    id: "throttled-keyed",
    throttle: { limit: 1, period: "1m", key: "event.data.customer" },
    triggers: on("throttled.keyed"),
  },
  async (context) => {
    for (const stepId of ["one", "two", "three"]) await work(context, "throttled-keyed", 0, stepId);
  },
);

const onceADay = { limit: 1, period: "24h", key: "event.data.customer" };

const rateLimited = client.createFunction(
  { id: "rate-limited", rateLimit: onceADay, triggers: on("rate.limited") },
  async ({ event }) => event.data.customer,
);

const rateLimitedFailing = client.createFunction(
  {
    id: "rate-limited-failing",
    rateLimit: onceADay,
    retries: 0,
    triggers: on("rate.limited.failing"),
    onFailure: async (context) =>
      noteOf(context, "on failure", "rate-limited-failing", {
        customer: context.event.data.event.data.customer,
      }),
  },
  async () => {
    throw new TypeError("always broken");
  },
);

const rateLimitedChild = client.createFunction(
  { id: "rate-limited-child", rateLimit: onceADay },
  async ({ event }) => event.data.customer,
);

const invokeLimited = client.createFunction(
  { id: "invoke-limited", triggers: on("invoke.limited") },
  async ({ event, step }) => {
    const options = { function: rateLimitedChild, data: { customer: event.data.customer } };
    const first = await step.invoke("first", options);
    try {
      await step.invoke("second", options);
    } catch (error) {
      return { first, error: error.message };
    }
    return { first, error: null };
  },
);

const idempotent = client.createFunction(
  { id: "idempotent", idempotency: "event.data.order", triggers: on("idempotent") },
  async ({ event }) => event.data.order ?? null,
);

export const functions = [
  limitOne,
  fanLeft,
  fanRight,
  limitKeyed,
  limitBoth,
  ...shared,
  throttled,
  throttledBurst,
  throttledKeyed,
  rateLimited,
  rateLimitedFailing,
  rateLimitedChild,
  invokeLimited,
  idempotent,
];
