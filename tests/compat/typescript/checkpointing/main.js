// Serve the app on a port: `node checkpointing/main.js <port>`.

import { serve, serveEndpoint } from "inngest/node";
import { listen } from "../shared/stage.js";
import { client } from "./client.js";
import { endpoints } from "./endpoints.js";
import { functions } from "./functions.js";

const endpointRoutes = Object.entries(endpoints).map(([name, handler]) => [
  `/endpoints/${name}`,
  serveEndpoint(handler),
]);

listen(process.argv[2], {
  "/api/inngest": serve({ client, functions }),
  ...Object.fromEntries(endpointRoutes),
});
