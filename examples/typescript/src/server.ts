import express from "express";
import { serve } from "inngest/express";
import { awardPoints, inngest, orderPlaced, orderRefunded } from "./functions.js";

const app = express();

// The server sends the results of earlier steps along, up to 4 MiB; the default limit is 100 kB.
app.use(express.json({ limit: "5mb" }));

// GET, PUT and POST /api/inngest: through them the server finds, registers and calls the function.
app.use("/api/inngest", serve({ client: inngest, functions: [awardPoints] }));

// What a shop does when an order comes in: it tells the world, and is done.
app.post("/orders", async (request, response) => {
  const { ids } = await inngest.send(orderPlaced.create(request.body));
  response.json({ eventId: ids[0] });
});

app.post("/orders/:orderId/refund", async (request, response) => {
  const { ids } = await inngest.send(orderRefunded.create({ orderId: request.params.orderId }));
  response.json({ eventId: ids[0] });
});

const port = Number(process.env.PORT ?? 3000);
app.listen(port, "127.0.0.1", () => console.log(`shop: http://127.0.0.1:${port}`));
