// Serve the warehouse on a port: `node dashboard/main.js <port>`. OpenTelemetry comes with the SDK,
// of which it is a dependency; it has to be set up before the client is made.

import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { serve } from "inngest/node";
import { listen } from "../shared/stage.js";

trace.setGlobalTracerProvider(new BasicTracerProvider());
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const { client, functions } = await import("./functions.js");

listen(process.argv[2], { "/api/inngest": serve({ client, functions }) });
