// The client of this process, and the bodies that functions share.

import { Inngest } from "inngest";
import { gatePassed, note } from "../shared/stage.js";

export const client = new Inngest({ id: process.env.COMPAT_APP_ID });

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const on = (name, condition) => [
  condition === undefined
    ? { event: `flow-ts/${name}` }
    : { event: `flow-ts/${name}`, if: condition },
];

export function noteOf({ event, runId, attempt }, name, of, data = {}) {
  note(runId, name, attempt, { of, ...event.data, ...data });
}

/** A step that takes this long, with its begin and its end on record. */
export async function work(context, of, ms, stepId = "work") {
  await context.step.run(stepId, async () => {
    noteOf(context, "begin", of, { step: stepId });
    await pause(ms);
    noteOf(context, "end", of, { step: stepId });
  });
}

/** A step that ends when the test opens the gate which the event names. */
export async function stand(context, of) {
  await context.step.run("stand", async () => {
    noteOf(context, "begin", of);
    await gatePassed(context.event.data.gate);
    noteOf(context, "end", of);
  });
}

/** A step that does nothing but leave its name on record. */
export async function mark(context, name, of) {
  await context.step.run(name, () => noteOf(context, name, of));
}
