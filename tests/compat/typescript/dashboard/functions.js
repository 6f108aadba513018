// A warehouse: each function shows something on the pages of the dashboard that the shop cannot.

import { trace } from "@opentelemetry/api";
import { Inngest, NonRetriableError } from "inngest";
import { extendedTracesMiddleware, metadataMiddleware, scoreMiddleware } from "inngest/experimental";

const STEPS_OF_THE_INVENTORY = 999;

export const client = new Inngest({
  id: "warehouse",
  middleware: [
    metadataMiddleware(),
    scoreMiddleware(),
    extendedTracesMiddleware({ behaviour: "extendProvider" }),
  ],
});

const tracer = trace.getTracer("warehouse");
const on = (name) => [{ event: `warehouse/${name}` }];

function inSpan(name, attributes, body) {
  return tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await body();
    } finally {
      span.end();
    }
  });
}

/** What calls of models leave behind. */
function askModel(answer) {
  const attributes = {
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o",
    "gen_ai.provider.name": "openai",
    "gen_ai.operation.name": "chat",
    "gen_ai.usage.input_tokens": 1_820,
    "gen_ai.usage.output_tokens": 240,
  };
  return inSpan("chat gpt-4o", attributes, async () => answer);
}

const pickItems = client.createFunction(
  { id: "pick-items", name: "Pick items", triggers: on("picking.started") },
  async ({ step }) => {
    const shelves = await step.run("find shelves", () =>
      inSpan("query stock", { "db.system": "postgresql" }, () =>
        inSpan("plan route", {}, async () => ["A1", "B7", "C3"]),
      ),
    );
    await Promise.all(shelves.map((shelf) => step.run(`fetch from ${shelf}`, () => shelf)));
    return { picked: shelves.length };
  },
);

function bookCarrier(address) {
  if (address !== "") return `booked to ${address}`;
  const cause = new TypeError("postcode is missing", { cause: new Error("empty address") });
  throw new NonRetriableError("the carrier refused the delivery", { cause });
}

/** Fails for good without an address, which its step is given as input. */
const bookDelivery = client.createFunction(
  { id: "book-delivery", name: "Book delivery", retries: 2, triggers: on("delivery.wanted") },
  async ({ event, step }) => {
    const address = await step.run("check address", () => event.data.address ?? "");
    return step.run("book carrier", bookCarrier, address);
  },
);

const takeInventory = client.createFunction(
  { id: "take-inventory", name: "Take inventory", triggers: on("inventory.due") },
  async ({ step }) => {
    let items = 0;
    for (let shelf = 1; shelf <= STEPS_OF_THE_INVENTORY; shelf += 1) {
      items += await step.run(`count shelf ${shelf}`, () => shelf % 7);
    }
    return { items };
  },
);

const readReview = client.createFunction(
  { id: "read-review", name: "Read review", triggers: on("review.received") },
  async ({ step }) => {
    const mood = await step.run("classify", () => askModel("pleased"));
    await step.score("judge", { name: "confidence", value: 0.92 });
    await step.metadata("note").run().set({ reviewer: "Ada", language: "en" });
    return mood;
  },
);

const awaitTruck = client.createFunction(
  { id: "await-truck", name: "Await truck", triggers: on("truck.announced") },
  async ({ event, step }) => {
    const signal = `truck/${event.data.truck}`;
    return (await step.waitForSignal("gate pass", { signal, timeout: "8h" }))?.data;
  },
);

export const functions = [pickItems, bookDelivery, takeInventory, readReview, awaitTruck];
