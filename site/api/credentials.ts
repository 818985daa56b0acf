/** POST /credentials: the token is answered once; the site keeps its hash. */
import { randomUUID } from "node:crypto";
import { CredentialRequest, type CredentialAnswer } from "../../contract/administration.ts";
import { hashSecret, newToken } from "../authority/secrets.ts";
import type { ApiContext } from "./context.ts";
import { parse } from "./routes.ts";
import type { Route } from "./route.ts";

const hourMs = 3_600_000;

export function credentialRoutes({ store }: ApiContext): Route[] {
  return [
    {
      method: "POST",
      path: "/credentials",
      who: "operator",
      handle: async ({ request, reply }): Promise<CredentialAnswer> => {
        const { approves, uses, validHours } = parse(CredentialRequest, request.body);
        await store.credentials.prune();
        const id = randomUUID();
        const credential = newToken();
        const expires = new Date(Date.now() + validHours * hourMs).toISOString();
        await store.credentials.add({ id, tokenHash: hashSecret(credential), uses, expires, approves });
        reply.code(201);
        return { id, credential, expires };
      },
    },
  ];
}
