// The client of this process. Two processes serve this app: one with checkpointing as the SDK has
// it by default, one without, so that the tests can compare what comes out.

import { Inngest } from "inngest";
import { endpointAdapter } from "inngest/node";

export const prefix = process.env.COMPAT_EVENT_PREFIX;

export const client = new Inngest({
  id: process.env.COMPAT_APP_ID,
  endpointAdapter,
  ...(process.env.COMPAT_CHECKPOINTING === "off" ? { checkpointing: false } : {}),
});

export const on = (name) => [{ event: `${prefix}/${name}` }];
