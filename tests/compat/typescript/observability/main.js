// Serve the app on a port: `node observability/main.js <port>`. OpenTelemetry comes with the SDK, of
// which it is a dependency; it has to be set up before the client is made.

import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { serve } from "inngest/node";
import { listen, sendJson } from "../shared/stage.js";

trace.setGlobalTracerProvider(new BasicTracerProvider());
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const { client } = await import("./client.js");
const { functions } = await import("./functions.js");

/** A score for a run that ended long ago, as a nightly job would give it. */
async function score(request, response, url) {
  await client.score({ runId: url.searchParams.get("run_id"), name: "accuracy", value: 0.5 });
  sendJson(response, null);
}

listen(process.argv[2], { "/api/inngest": serve({ client, functions }), "/score": score });
