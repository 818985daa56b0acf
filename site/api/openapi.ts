/** GET /openapi.json: the API in OpenAPI 3.1, made from the routes and from the schemas by which requests are read. */
import { z } from "zod";
import { apiPrefix, ErrorAnswer } from "../../contract/common.ts";
import type { Route } from "./routes.ts";
import { schemas } from "./schemas.ts";

type Json = Record<string, unknown>;

/** `routes`: those that are served below the API's prefix. */
export function openApiRoutes(routes: readonly Route[]): Route[] {
  const document = describe(routes);
  return [{ method: "GET", path: "/openapi.json", who: "viewer", handle: () => document }];
}

export function describe(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = apiPrefix + route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Volley", version: "1", description: "A site's API. Times are ISO 8601 in UTC." },
    components: {
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "A token, or a machine's identifier and key.",
        },
      },
      schemas: { Error: schemaOf(ErrorAnswer, "output") },
    },
    paths,
  };
}

function operation({ method, path, who }: Route): Json {
  const { answer, body, query } = schemas[`${method} ${path}`] ?? {};
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
  const inPath = names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const inQuery = query === undefined ? [] : queryParameters(query);
  const error = {
    description: "An error of the registry",
    ...content({ $ref: "#/components/schemas/Error" }),
  };
  const what = answer === undefined ? {} : content(schemaOf(answer, "output"));
  return {
    "x-volley-who": who,
    security: who === "anyone" ? [] : [{ bearer: [] }],
    ...(inPath.length + inQuery.length > 0 && { parameters: [...inPath, ...inQuery] }),
    ...(body !== undefined && { requestBody: { required: true, ...content(schemaOf(body, "input")) } }),
    responses: { "2XX": { description: "Done", ...what }, default: error },
  };
}

function content(schema: Json): Json {
  return { content: { "application/json": { schema } } };
}

function queryParameters(query: z.ZodType): Json[] {
  const { properties = {} } = schemaOf(query, "input") as { properties?: Record<string, Json> };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: "query", schema }));
}

/** What JSON Schema cannot say, a rule over several fields for example, is left out. */
function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _dialect, ...made } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return made;
}
