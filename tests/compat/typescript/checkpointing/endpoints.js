// Routes of the app that are runs themselves. Each notes its run id, which no caller can see.

import { NonRetriableError, step } from "inngest";
import { getAsyncCtx } from "inngest/experimental";
import { count, note } from "../shared/stage.js";
import { client } from "./client.js";

async function runId() {
  const context = await getAsyncCtx();
  return context.execution.ctx.runId;
}

const parameter = (request, name) => new URL(request.url).searchParams.get(name);

async function stepOf(run, name, result) {
  return step.run(name, () => {
    note(run, name, 0);
    return result;
  });
}

// Ends before anything has to wait: the caller gets the answer itself.
const inline = client.endpoint(async (request) => {
  const run = await runId();
  note(run, "inline", 0, { case: parameter(request, "case") });
  const greeting = await stepOf(run, "greeting", "Hello");
  const name = await stepOf(run, "name", parameter(request, "name"));
  const headers = { "x-greeted": name };
  return Response.json({ text: `${greeting}, ${name}!` }, { status: 201, headers });
});

const stepless = client.endpoint(async (request) => {
  note(await runId(), "stepless", 0, { case: parameter(request, "case") });
  return { steps: 0 };
});

// Sleeps: the caller is sent to the server, where it waits for the answer.
const asleep = client.endpoint(async (request) => {
  const run = await runId();
  note(run, "asleep", 0, { case: parameter(request, "case") });
  const before = await stepOf(run, "before", parameter(request, "name"));
  await step.sleep("nap", "1s");
  const after = await stepOf(run, "after", "slept well");
  return { before, after };
});

// Runs steps side by side, which the server has to plan. Of a `Response` that is not given to the
// caller itself, this SDK keeps the text.
const parallel = client.endpoint(async (request) => {
  const run = await runId();
  note(run, "parallel", 0, { case: parameter(request, "case") });
  const squares = await Promise.all([2, 3].map((n) => stepOf(run, `square ${n}`, n * n)));
  return Response.json({ squares, last: await stepOf(run, "last", "last") });
});

// Its second step fails once, and is repeated by the server.
const flaky = client.endpoint(async (request) => {
  const run = await runId();
  note(run, "flaky", 0, { case: parameter(request, "case") });
  const steady = await stepOf(run, "steady", "steady");
  const shaky = await step.run("shaky", () => {
    note(run, "shaky", 0);
    if (count(run, "shaky") === 1) throw new Error("not yet");
    return "shaky at last";
  });
  return { steady, shaky };
});

const refusing = client.endpoint(async (request) => {
  const run = await runId();
  note(run, "refusing", 0, { case: parameter(request, "case") });
  await stepOf(run, "before", "before");
  throw new NonRetriableError("no such customer");
});

export const endpoints = { inline, stepless, asleep, parallel, flaky, refusing };
