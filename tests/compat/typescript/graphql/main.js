// Serve both clients on a port: `node graphql/main.js <port>`.

import { step } from "inngest";
import { getAsyncCtx } from "inngest/experimental";
import { serve, serveEndpoint } from "inngest/node";
import { listen, note } from "../shared/stage.js";
import { clientOf, functionsOf } from "./functions.js";

const id = process.env.COMPAT_APP_ID;
const client = clientOf(id, {});
const plain = clientOf(`${id}-plain`, { checkpointing: false });

// A route that is a run itself.
const endpoint = client.endpoint(async () => {
  const context = await getAsyncCtx();
  note(context.execution.ctx.runId, "endpoint", 0);
  const name = await step.run("name", () => "Ada");
  return Response.json({ greeting: `Hello, ${name}` });
});

const route = (of) => {
  const handler = serve({ client: of, functions: functionsOf(of) });
  return (request, response) => handler(request, response);
};

listen(process.argv[2], {
  "/api/inngest": route(client),
  "/api/plain": route(plain),
  "/endpoint": serveEndpoint(endpoint),
});
