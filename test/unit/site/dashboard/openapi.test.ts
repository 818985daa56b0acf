/** The API's description as the page shows it: the site's own, and every form of a type in it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { describe } from "../../../../site/api/openapi.ts";
import { groupsOf, typeText, type OpenApi, type Schema } from "../../../../site/dashboard/words/openapi.ts";

const handle = (): null => null;

test("routes are grouped by what they are about, with what they take and answer and for whom they are", () => {
  const document = describe([
    { method: "POST", path: "/deployments/:id/clear", who: "operator", handle },
    { method: "GET", path: "/machines/:id/log", who: "machine-or-viewer", handle },
    { method: "GET", path: "/authority", who: "anyone", handle },
    { method: "DELETE", path: "/deployments/:id", who: "operator", handle },
  ]) as unknown as OpenApi;
  const groups = groupsOf(document);
  assert.deepEqual(
    groups.map(({ name, routes }) => [name, routes.length]),
    [
      ["authority", 1],
      ["deployments", 2],
      ["machines", 1],
    ],
  );
  const [clear, remove] = groups[1]?.routes ?? [];
  assert.deepEqual(
    [clear?.method, clear?.path, clear?.who],
    ["POST", "/api/v1/deployments/{id}/clear", "operator"],
  );
  assert.deepEqual(
    clear?.takes[0]?.fields.map(({ isNeeded, name }) => [name, isNeeded]),
    [
      ["machines", true],
      ["confirm", false],
    ],
  );
  assert.match(clear?.takes[0]?.fields[0]?.type ?? "", /^"all" \| list of string/);
  assert.deepEqual(clear?.answers[0]?.fields, [{ name: "cleared", type: "integer", isNeeded: true }]);
  assert.deepEqual([remove?.takes, remove?.answers], [[], []]);
  const [log] = groups[2]?.routes ?? [];
  assert.equal(log?.who, "an enrolled machine or a viewer");
  assert.deepEqual(
    log?.query.map(({ name }) => name),
    ["deploymentId"],
  );
  assert.deepEqual(groups[0]?.routes[0]?.answers, [{ type: "application/x-pem-file", fields: [] }]);
});

test("a type is said as it is written", () => {
  const said = (schema: z.ZodType): string => typeText(z.toJSONSchema(schema) as Schema);
  assert.equal(said(z.enum(["open", "closed"])), '"open" | "closed"');
  assert.equal(said(z.array(z.boolean())), "list of boolean");
  assert.equal(
    said(z.object({ name: z.string(), size: z.number().optional() })),
    "{ name: string, size?: number }",
  );
  assert.equal(said(z.string().nullable()), "string | null");
  assert.equal(said(z.uuid()), "string (uuid)");
  assert.equal(said(z.unknown()), "anything");
});
