/** A route that does not say who may call it does not come into being. */
import assert from "node:assert/strict";
import { test } from "node:test";
import Fastify from "fastify";
import { requireAuthorization } from "../../../../site/api/routes.ts";

test("a route has to say who may call it", () => {
  const app = Fastify();
  requireAuthorization(app);
  app.get("/stated", { config: { who: "viewer" } }, async () => "");
  assert.throws(() => app.get("/forgotten", async () => ""), { code: "E_INTERNAL" });
  assert.throws(() => app.get("/mistaken", { config: { who: "watcher" } }, async () => ""), {
    code: "E_INTERNAL",
  });
});
