// Functions that wait for signals and send them, and whose requests the server makes for them.

import { client, noteOf, on } from "./client.js";

const signalWait = client.createFunction(
  { id: "signal-wait", triggers: on("signal.wait") },
  async (context) => {
    const { signal, timeout = "30s", conflict = "fail" } = context.event.data;
    const received = await context.step.waitForSignal("wait", {
      signal,
      timeout,
      onConflict: conflict,
    });
    noteOf(context, "received", "signal-wait");
    return received;
  },
);

const signalSend = client.createFunction(
  { id: "signal-send", triggers: on("signal.send") },
  async ({ event, step }) =>
    step.sendSignal("send", { signal: event.data.signal, data: { from: "a step" } }),
);

async function outcomeOf(request) {
  try {
    return { answer: await request() };
  } catch (error) {
    return { name: error.name, message: error.message };
  }
}

const fetching = client.createFunction(
  { id: "fetching", retries: 0, triggers: on("fetching") },
  async ({ event, step }) =>
    outcomeOf(async () => {
      const response = await step.fetch(event.data.url, event.data.options);
      return {
        status: response.status,
        provider: response.headers.get("x-provider"),
        body: await response.text(),
      };
    }),
);

const infer = client.createFunction(
  { id: "infer", retries: 1, triggers: on("infer") },
  async ({ event, step }) =>
    outcomeOf(() =>
      step.ai.infer("ask", {
        model: step.ai.models.openai({
          model: event.data.model,
          apiKey: event.data.key,
          baseUrl: event.data.url,
        }),
        body: { messages: [{ role: "user", content: "How are you?" }] },
      }),
    ),
);

export const functions = [signalWait, signalSend, fetching, infer];
