// Serve the app on a port: `node app/main.js <port> <version>`.

import http from "node:http";
import { serve } from "inngest/node";
import * as changing from "./changing.js";
import { client, record } from "./client.js";
import { functions as failures } from "./failures.js";
import { functions as steps } from "./steps.js";
import { functions as triggers } from "./triggers.js";
import { functions as waiting } from "./waiting.js";

const versions = {
  all: [...steps, ...failures, ...waiting, ...triggers],
  before: changing.before,
  after: changing.after,
  invalid: changing.withInvalid,
};
const served = Object.fromEntries(
  Object.entries(versions).map(([name, functions]) => [name, serve({ client, functions })]),
);

const [port, firstVersion] = process.argv.slice(2);
let version = firstVersion;

function sendJson(response, value) {
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value));
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/record") return sendJson(response, record);
  if (url.pathname === "/toggle") {
    version = url.searchParams.get("version");
    return sendJson(response, version);
  }
  if (url.pathname === "/api/inngest") return served[version](request, response);
  response.writeHead(404);
  return response.end();
});
server.listen(Number(port), "127.0.0.1");
