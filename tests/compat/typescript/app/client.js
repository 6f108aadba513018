// The one client and the one record of this process, set up from the environment as apps do.

import { Inngest } from "inngest";

export const client = new Inngest({ id: process.env.COMPAT_APP_ID });

/** What the app's own code saw: the second witness beside the server's answers. */
export const record = [];

export function note(runId, name, attempt, data = null) {
  record.push({ run_id: runId, name, attempt, at_ms: Date.now(), data });
}

/** How often the body called `name` has begun in this run. */
export function count(runId, name) {
  return record.filter((call) => call.run_id === runId && call.name === name).length;
}
