/** The API as the site describes it: each route, what it takes and answers, and who may call it. */
import { Section } from "../parts/section.tsx";
import { useResource } from "../state/resource.ts";
import { ask } from "../state/site.ts";
import {
  groupsOf,
  type OpenApi,
  type RouteGroup,
  type ShownContent,
  type ShownField,
  type ShownRoute,
} from "../words/openapi.ts";

const load = async (): Promise<RouteGroup[]> => groupsOf(await ask<OpenApi>("GET", "/openapi.json"));

export function ApiDescription() {
  const { value } = useResource(load);
  if (value === null) return <p class="empty">…</p>;
  return (
    <>
      <Section title="API">
        <p class="hint">
          {"What programs may ask of this site with a token of "}
          <a href="/settings/access">Access</a>
          {"; errors have a code, a detail and a remedy. The description itself, in OpenAPI 3.1: "}
          <a href="/api/v1/openapi.json">openapi.json</a>.
        </p>
      </Section>
      {value.map(({ name, routes }) => (
        <Section key={name} title={name}>
          {routes.map((route) => (
            <RouteDetails key={`${route.method} ${route.path}`} route={route} />
          ))}
        </Section>
      ))}
    </>
  );
}

function RouteDetails({ route: { answers, method, path, query, takes, who } }: { route: ShownRoute }) {
  return (
    <details class="route">
      <summary>
        <span class="code">{`${method} ${path}`}</span> <span class="hint">{who}</span>
      </summary>
      {query.length === 0 ? null : <Content title="In the query" of={{ type: "", fields: query }} />}
      {takes.map((one) => (
        <Content key={one.type} title="Takes" of={one} />
      ))}
      {answers.map((one) => (
        <Content key={one.type} title="Answers" of={one} />
      ))}
      {answers.length === 0 ? <p>Answers nothing but that it is done.</p> : null}
    </details>
  );
}

function Content({ of: { fields, type }, title }: { title: string; of: ShownContent }) {
  return (
    <>
      <p>{type === "" ? title : `${title} ${type}`}</p>
      {fields.length === 0 ? null : (
        <ul>
          {fields.map((field) => (
            <Fact key={field.name} field={field} />
          ))}
        </ul>
      )}
    </>
  );
}

function Fact({ field: { isNeeded, name, type } }: { field: ShownField }) {
  return (
    <li>
      <span class="code">{name}</span>
      {isNeeded ? "" : " (may be left out)"}: <span class="code">{type}</span>
    </li>
  );
}
