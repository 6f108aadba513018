// Serve the app on a port: `node flow/main.js <port>`.

import { serve } from "inngest/node";
import { listen, sendJson } from "../shared/stage.js";
import { functions as arrivals } from "./arrivals.js";
import { client } from "./client.js";
import { functions as control } from "./control.js";
import { functions as limits } from "./limits.js";
import { functions as outside } from "./outside.js";

// A signal that is sent from outside of any function.
async function sendSignal(request, response, url) {
  const signal = url.searchParams.get("signal");
  const sent = await client.sendSignal({ signal, data: { from: "the client" } });
  sendJson(response, { run_id: sent.runId ?? null });
}

listen(process.argv[2], {
  "/api/inngest": serve({
    client,
    functions: [...limits, ...arrivals, ...control, ...outside],
  }),
  "/send-signal": sendSignal,
});
