/** GET /openapi.json: the API in OpenAPI 3.1, made from the routes and from the schemas by which requests are read. */
import { z } from "zod";
import { apiPrefix, ErrorAnswer } from "../../contract/common.ts";
import type { Route } from "./route.ts";
import { schemas, type MediaType, type RouteSchemas } from "./schemas.ts";

type Json = Record<string, unknown>;

/** `routes`: those that are served below the API's prefix. */
export function openApiRoutes(routes: readonly Route[]): Route[] {
  const own: Route = { method: "GET", path: "/openapi.json", who: "viewer", handle: () => document };
  const document = describe(routes);
  const stated = operation(own, { answer: z.looseObject({ openapi: z.string() }) });
  document.paths[apiPrefix + own.path] = { get: stated };
  return [own];
}

export function describe(routes: readonly Route[]): Json & { paths: Record<string, Json> } {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const { method } = route;
    const known = schemas[`${method} ${route.path}`] ?? {};
    const path = apiPrefix + route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation(route, known) };
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

function operation({ path, who }: Route, { also, answer, body, query }: RouteSchemas): Json {
  const names = [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
  const inPath = names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
  const inQuery = query === undefined ? [] : queryParameters(query);
  const error = {
    description: "An error of the registry",
    content: json({ $ref: "#/components/schemas/Error" }),
  };
  return {
    "x-volley-who": who,
    security: who === "anyone" ? [] : [{ bearer: [] }],
    ...(inPath.length + inQuery.length > 0 && { parameters: [...inPath, ...inQuery] }),
    ...(body !== undefined && { requestBody: { required: true, content: contentOf(body, "input") } }),
    responses: { ...done(answer, also), default: error },
  };
}

/** Without an answer there is no content, which has a number of its own. */
function done(answer: RouteSchemas["answer"], also: MediaType | undefined): Json {
  if (answer === undefined) return { "204": { description: "Done" } };
  const content = { ...contentOf(answer, "output"), ...(also !== undefined && { [also]: {} }) };
  return { "2XX": { description: "Done", content } };
}

/** Bytes and text of a media type have no schema. */
function contentOf(what: z.ZodType | MediaType, io: "input" | "output"): Json {
  return typeof what === "string" ? { [what]: {} } : json(schemaOf(what, io));
}

function json(schema: Json): Json {
  return { "application/json": { schema } };
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
