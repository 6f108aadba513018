import { eventType, Inngest, staticSchema } from "inngest";

// In a real shop this would be 14 days; a minute is easier to watch.
const REFUND_WINDOW_MS = Number(process.env.REFUND_WINDOW_SECONDS ?? 60) * 1000;

// Stands for your database.
const balances = new Map<string, number>();
const awardedOrders = new Set<string>();

export const inngest = new Inngest({ id: "shop" });

export const orderPlaced = eventType("shop/order.placed", {
  schema: staticSchema<{ orderId: string; customer: string; total: number }>(),
});

export const orderRefunded = eventType("shop/order.refunded", {
  schema: staticSchema<{ orderId: string }>(),
});

/**
 * Bonus points for an order, awarded when its refund window has passed.
 *
 * The function may take an hour or a month. It survives restarts of this app and of the server:
 * every finished step is remembered by the server, and only unfinished ones run again.
 */
export const awardPoints = inngest.createFunction(
  {
    id: "award-points",
    name: "Award points",
    triggers: [orderPlaced],
    // A refund of the same order ends the run, whatever it is waiting for.
    cancelOn: [{ event: orderRefunded, match: "data.orderId" }],
  },
  async ({ event, step }) => {
    const { orderId, customer, total } = event.data;

    // Code outside of steps runs again each time the function is called, so all work goes into steps.
    const points = await step.run("calculate points", () => {
      const points = Math.floor(total / 10);
      console.log(`order ${orderId} is worth ${points} points`);
      return points;
    });

    // Counted from the event, not from "now": every call of the function computes the same time.
    await step.sleepUntil("refund window", new Date(event.ts + REFUND_WINDOW_MS));

    const balance = await step.run("award points", () => {
      // A step's result counts once, but its body may run again when the app dies before it could
      // answer. So the body itself makes sure that an order is not rewarded twice.
      if (!awardedOrders.has(orderId)) {
        awardedOrders.add(orderId);
        balances.set(customer, (balances.get(customer) ?? 0) + points);
      }
      console.log(`${customer} now has ${balances.get(customer)} points`);
      return balances.get(customer);
    });

    return { customer, points, balance };
  },
);
