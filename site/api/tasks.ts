/** Imports and verifications: how far they are, and how the last ones ended. */
import { VolleyError } from "../../contract/errors.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf } from "./routes.ts";
import type { Route } from "./route.ts";

export function taskRoutes({ tasks }: ApiContext): Route[] {
  return [
    { method: "GET", path: "/imports", who: "viewer", handle: () => tasks.importStates() },
    { method: "GET", path: "/verifications", who: "viewer", handle: () => tasks.verificationStates() },
    {
      method: "GET",
      path: "/imports/:id",
      who: "viewer",
      handle: ({ request }) => found(tasks.importState(identifierOf(request, "import")), "import"),
    },
    {
      method: "GET",
      path: "/verifications/:id",
      who: "viewer",
      handle: ({ request }) =>
        found(tasks.verificationState(identifierOf(request, "verification")), "verification"),
    },
  ];
}

function found<State>(state: State | undefined, what: string): State {
  if (state === undefined) {
    throw new VolleyError("E_NOT_FOUND", `There is no such ${what}, or it ended long ago.`);
  }
  return state;
}
