// Functions about what starts a run and what it may return.

import { client } from "./client.js";

const wildcard = client.createFunction(
  { id: "wildcard", triggers: [{ event: "ts/wild/*" }] },
  async ({ event }) => event.name,
);

const dotWildcard = client.createFunction(
  { id: "dot-wildcard", triggers: [{ event: "ts/wild/user.*" }] },
  async ({ event }) => event.name,
);

const filtered = client.createFunction(
  {
    id: "filtered",
    triggers: [
      {
        event: "ts/filtered",
        if: "event.data.total > 100 && event.data.country in ['DE', 'AT']",
      },
    ],
  },
  async ({ event }) => event.data.total,
);

const severalTriggers = client.createFunction(
  {
    id: "several-triggers",
    triggers: [
      { event: "ts/several.a" },
      { event: "ts/several.b", if: "event.data.wanted == true" },
      { cron: "TZ=Europe/Berlin 30 3 1 1 *" },
    ],
  },
  async ({ event }) => event.name,
);

const cron = client.createFunction(
  { id: "cron", triggers: [{ cron: "0 4 29 2 *" }] },
  async ({ event }) => event.name,
);

// Whatever the event carries under `value`, or nothing.
const returns = client.createFunction(
  { id: "returns", triggers: [{ event: "ts/returns" }] },
  async ({ event }) => event.data.value,
);

// The same through two steps: each result comes back with the next request.
const returnsStep = client.createFunction(
  { id: "returns-step", triggers: [{ event: "ts/returns.step" }] },
  async ({ event, step }) => {
    const value = await step.run("body", () => event.data.value);
    return { value: await step.run("again", () => value) };
  },
);

const echoEvent = client.createFunction(
  { id: "echo-event", triggers: [{ event: "ts/echo.event" }] },
  async ({ event, events, runId, attempt }) => ({
    id: event.id,
    name: event.name,
    ts: event.ts,
    data: event.data,
    events: events.length,
    run_id: runId,
    attempt,
  }),
);

export const functions = [
  wildcard,
  dotWildcard,
  filtered,
  severalTriggers,
  cron,
  returns,
  returnsStep,
  echoEvent,
];
