/** Tokens for programs that speak to the site: made and revoked by an administrator, shown once. */
import { randomUUID } from "node:crypto";
import { TokenRequest, type TokenAnswer, type TokenRecord } from "../../contract/accounts.ts";
import { VolleyError } from "../../contract/errors.ts";
import { hashSecret, newApiToken } from "../authority/secrets.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, parse, personOf } from "./routes.ts";
import type { Route } from "./route.ts";

const dayMs = 86_400_000;

export function tokenRoutes({ store }: ApiContext): Route[] {
  const who = "administrator";
  return [
    { method: "GET", path: "/tokens", who, handle: () => store.tokens.list() },
    {
      method: "POST",
      path: "/tokens",
      who,
      handle: async (call): Promise<TokenAnswer> => {
        const { name, role, validDays } = parse(TokenRequest, call.request.body);
        const token = newApiToken();
        const record: TokenRecord = {
          id: randomUUID(),
          name,
          role,
          created: new Date().toISOString(),
          createdBy: personOf(call).name,
          expires: new Date(Date.now() + validDays * dayMs).toISOString(),
          lastUsed: null,
        };
        await store.tokens.add(record, hashSecret(token));
        call.reply.code(201);
        return { ...record, token };
      },
    },
    {
      method: "DELETE",
      path: "/tokens/:id",
      who,
      handle: async ({ request }) => {
        const id = identifierOf(request, "token");
        const found = (await store.tokens.list()).some((one) => one.id === id);
        if (!found) throw new VolleyError("E_NOT_FOUND", `There is no token ${id}.`);
        await store.tokens.remove(id);
      },
    },
  ];
}
