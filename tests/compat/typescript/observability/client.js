// The client: every experimental feature that tells the server more than results.

import { Inngest } from "inngest";
import { extendedTracesMiddleware, metadataMiddleware, scoreMiddleware } from "inngest/experimental";

export const client = new Inngest({
  id: process.env.COMPAT_APP_ID,
  middleware: [
    metadataMiddleware(),
    scoreMiddleware(),
    extendedTracesMiddleware({ behaviour: "extendProvider" }),
  ],
  ...(process.env.COMPAT_CHECKPOINTING === "off" ? { checkpointing: false } : {}),
});
