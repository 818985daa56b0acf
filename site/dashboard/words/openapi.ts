/** The API's description in words: its routes by what they are about, and what each takes and answers. */

/** Of JSON Schema, what the site's description uses. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
}
type Content = Record<string, { schema?: Schema }>;
interface Operation {
  "x-volley-who": string;
  parameters?: { name: string; in: string; schema: Schema }[];
  requestBody?: { content: Content };
  responses: Record<string, { content?: Content }>;
}
export interface OpenApi {
  paths: Record<string, Record<string, Operation>>;
}

export interface ShownField {
  name: string;
  type: string;
  isNeeded: boolean;
}
/** `type`: of the whole; `fields`: where it is an object. */
export interface ShownContent {
  type: string;
  fields: readonly ShownField[];
}
export interface ShownRoute {
  method: string;
  path: string;
  who: string;
  query: readonly ShownField[];
  takes: readonly ShownContent[];
  answers: readonly ShownContent[];
}
export interface RouteGroup {
  name: string;
  routes: readonly ShownRoute[];
}

const prefix = "/api/v1/";

const whoTexts: Record<string, string> = {
  machine: "an enrolled machine",
  "machine-or-viewer": "an enrolled machine or a viewer",
  "machine-or-administrator": "an enrolled machine or an administrator",
  point: "a distribution point",
};

/** By the first part of their paths, in the order of the alphabet. */
export function groupsOf({ paths }: OpenApi): RouteGroup[] {
  const groups = new Map<string, ShownRoute[]>();
  for (const [path, operations] of Object.entries(paths)) {
    const name = path.slice(prefix.length).split("/")[0] ?? "";
    const routes = Object.entries(operations).map(([method, one]) => routeOf(method, path, one));
    groups.set(name, [...(groups.get(name) ?? []), ...routes]);
  }
  return [...groups]
    .map(([name, routes]) => ({ name, routes }))
    .toSorted((one, other) => one.name.localeCompare(other.name, "en"));
}

function routeOf(method: string, path: string, operation: Operation): ShownRoute {
  const who = operation["x-volley-who"];
  const done = Object.entries(operation.responses).filter(([status]) => status.startsWith("2"));
  const query = (operation.parameters ?? []).filter((one) => one.in === "query");
  return {
    method: method.toUpperCase(),
    path,
    who: whoTexts[who] ?? who,
    query: query.map(({ name, schema }) => ({ name, type: typeText(schema), isNeeded: false })),
    takes: contentsOf(operation.requestBody?.content),
    answers: done.flatMap(([, { content }]) => contentsOf(content)),
  };
}

/** What has no schema is bytes or text of its media type. */
function contentsOf(content: Content = {}): ShownContent[] {
  return Object.entries(content).map(([media, { schema }]) =>
    schema === undefined ? { type: media, fields: [] } : shownSchema(schema),
  );
}

function shownSchema(schema: Schema): ShownContent {
  if (schema.type === "array" && schema.items?.properties !== undefined) {
    return { type: "a list of objects", fields: fieldsOf(schema.items) };
  }
  if (schema.properties !== undefined) return { type: "an object", fields: fieldsOf(schema) };
  return { type: typeText(schema), fields: [] };
}

function fieldsOf({ properties = {}, required = [] }: Schema): ShownField[] {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    type: typeText(schema),
    isNeeded: required.includes(name),
  }));
}

export function typeText(schema: Schema): string {
  const { const: only, enum: values, format, items, properties, type } = schema;
  if (only !== undefined) return JSON.stringify(only);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(" | ");
  const several = schema.anyOf ?? schema.oneOf;
  if (several !== undefined) return [...new Set(several.map(typeText))].join(" | ");
  if (schema.allOf !== undefined) return schema.allOf.map(typeText).join(" & ");
  if (items !== undefined) return `list of ${typeText(items)}`;
  if (properties !== undefined) return `{ ${fieldsOf(schema).map(fieldText).join(", ")} }`;
  if (schema.$ref !== undefined) return schema.$ref.split("/").at(-1) ?? "";
  const name = [type ?? "anything"].flat().join(" | ");
  return format === undefined ? name : `${name} (${format})`;
}

function fieldText({ isNeeded, name, type }: ShownField): string {
  return `${name}${isNeeded ? "" : "?"}: ${type}`;
}
