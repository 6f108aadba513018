// Versions of the app's set of functions, for the tests of syncing.

import { client } from "./client.js";

const named = (id, event, options = {}) =>
  client.createFunction({ id, triggers: [{ event }], ...options }, async ({ event }) => event.name);

const stays = named("stays", "ts/stays");
const staysChanged = named("stays", "ts/stays.v2", { retries: 7 });
const goes = named("goes", "ts/goes");
const comes = named("comes", "ts/comes");
const invalid = client.createFunction(
  { id: "invalid", triggers: [{ event: "ts/invalid", if: "event.data." }] },
  async ({ event }) => event.name,
);

export const before = [stays, goes];
export const after = [staysChanged, comes];
export const withInvalid = [stays, invalid];
