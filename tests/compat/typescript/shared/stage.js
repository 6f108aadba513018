// What every app of the tests has: a record of what ran, gates, and the server that shows them.

import http from "node:http";

/** What the app's own code saw: the second witness beside the server's answers. */
export const record = [];

export function note(runId, name, attempt, data = null) {
  record.push({ run_id: runId, name, attempt, at_ms: Date.now(), data });
}

/** How often `name` has been noted in this run. */
export function count(runId, name) {
  return record.filter((call) => call.run_id === runId && call.name === name).length;
}

const openGates = new Set();
const waiting = new Map();

/** Where bodies stand until a test lets them go on, so that no test has to guess how long. */
export function gatePassed(name) {
  if (openGates.has(name)) return Promise.resolve();
  return new Promise((resolve) => {
    waiting.set(name, [...(waiting.get(name) ?? []), resolve]);
  });
}

export function isGateOpen(name) {
  return openGates.has(name);
}

function openGate(name) {
  openGates.add(name);
  for (const resolve of waiting.get(name) ?? []) resolve();
  waiting.delete(name);
}

export function sendJson(response, value) {
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value ?? null));
}

/** Notes each call of the server, with what identifies it, and each one that it gave up. */
function noteCalls(request, response, url) {
  const runId = request.headers["x-run-id"];
  if (!runId) return;
  const data = {
    path: url.pathname,
    generation: request.headers["x-inngest-generation-id"] ?? null,
    signature: request.headers["x-inngest-signature"] ?? null,
  };
  note(runId, "request", 0, data);
  response.on("close", () => {
    if (!response.writableFinished) note(runId, "aborted", 0, data);
  });
}

/** Serve `routes`, from path to handler, beside `/record` and `/gates/<name>`. */
export function listen(port, routes) {
  const server = http.createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    if (url.pathname === "/record") {
      return sendJson(response, record.slice(Number(url.searchParams.get("since") ?? 0)));
    }
    if (url.pathname.startsWith("/gates/")) {
      openGate(decodeURIComponent(url.pathname.slice("/gates/".length)));
      return sendJson(response, null);
    }
    const route = routes[url.pathname];
    if (route === undefined) {
      response.writeHead(404);
      return response.end();
    }
    noteCalls(request, response, url);
    return route(request, response, url);
  });
  server.listen(Number(port), "127.0.0.1");
}
