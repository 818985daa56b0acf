/** The API's description says every route, who may call it, and the schemas by which requests are read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiContext } from "../../../../site/api/context.ts";
import { describe } from "../../../../site/api/openapi.ts";
import { resources } from "../../../../site/api/resources.ts";
import { schemas } from "../../../../site/api/schemas.ts";

const anything: unknown = new Proxy(() => undefined, { get: () => anything, apply: () => anything });
const routes = resources.flatMap((resource) => resource(anything as ApiContext));

interface Operation {
  "x-volley-who": string;
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: { properties?: object } }> };
  responses: Record<string, unknown>;
}
const document = JSON.parse(JSON.stringify(describe(routes))) as {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
};

test("every route is there with its parameters and who may call it, and every schema belongs to a route", () => {
  assert.equal(document.openapi, "3.1.0");
  const keys = new Set(routes.map(({ method, path }) => `${method} ${path}`));
  for (const name of Object.keys(schemas)) assert.ok(keys.has(name), `${name} is no route`);
  for (const { method, path, who } of routes) {
    const stated = document.paths[`/api/v1${path.replace(/:(\w+)/g, "{$1}")}`]?.[method.toLowerCase()];
    assert.equal(stated?.["x-volley-who"], who, `${method} ${path}`);
    const inPath = (stated?.parameters ?? []).filter((one) => one.in === "path").map(({ name }) => name);
    assert.deepEqual(
      inPath,
      [...path.matchAll(/:(\w+)/g)].map(([, name]) => name),
    );
    assert.ok(stated?.responses["default"]);
  }
});

test("bodies and queries are those of the schemas", () => {
  const change = document.paths["/api/v1/distribution-point"]?.["post"]?.requestBody;
  const properties = change?.content["application/json"]?.schema.properties ?? {};
  assert.ok("startDelayMinutes" in properties && "minimumClients" in properties);
  const asked = document.paths["/api/v1/status"]?.["get"]?.parameters?.map(({ name }) => name);
  for (const name of ["machineId", "deploymentId", "from", "to", "severity", "messageId"]) {
    assert.ok(asked?.includes(name), name);
  }
});
