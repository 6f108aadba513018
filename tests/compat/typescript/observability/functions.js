// Functions that describe themselves: with metadata, scores, experiments and spans.

import { trace } from "@opentelemetry/api";
import { experiment } from "inngest";
import { client } from "./client.js";

const on = (name) => [{ event: `${process.env.COMPAT_APP_ID}/${name}` }];
const tracer = trace.getTracer("compat", "1.0");

async function inSpan(name, body) {
  return tracer.startActiveSpan(name, { attributes: { "compat.kind": "test" } }, async (span) => {
    try {
      return await body();
    } finally {
      span.end();
    }
  });
}

const described = client.createFunction(
  { id: "described", triggers: on("described") },
  async ({ step }) => {
    await step.run("with metadata", async () => {
      await client.metadata.set({ rows: 7 }, "progress");
    });
    await step.metadata("of the run").run().set({ tenant: "acme" });
    await step.score("judge", { name: "quality", value: true });
    await step.run("with more", async () => {
      await client.metadata.set({ rows: 8 }, "progress");
    });
    await client.metadata.run().set({ stage: "end" }, "late");
    return "done";
  },
);

const attemptsOf = new Map();

const failing = client.createFunction(
  { id: "failing", retries: 1, triggers: on("failing") },
  async ({ step }) => {
    await step.run("at second", async () => {
      const tries = (attemptsOf.get("failing") ?? 0) + 1;
      attemptsOf.set("failing", tries);
      await client.metadata.set({ tries });
      if (tries === 1) throw new Error("not yet");
      return tries;
    });
  },
);

const traced = client.createFunction({ id: "traced", triggers: on("traced") }, async ({ step }) => {
  await step.run("outer", () => inSpan("work", () => inSpan("inner work", async () => 1)));
  await step.run("plain", () => inSpan("more work", async () => 2));
  return "done";
});

const tried = client.createFunction(
  { id: "tried", triggers: on("tried") },
  async ({ step, group }) => {
    return group.experiment("checkout", {
      variants: {
        blue: () => step.run("blue variant", () => "blue"),
      },
      select: experiment.fixed("blue"),
    });
  },
);

export const functions = [described, failing, traced, tried];
