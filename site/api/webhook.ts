/** The webhook: where messages are sent, and how that goes. */
import { WebhookRequest, type WebhookState } from "../../contract/webhook.ts";
import { webhookSecret } from "../webhook.ts";
import type { ApiContext } from "./context.ts";
import { parse } from "./routes.ts";
import type { Route } from "./route.ts";

export function webhookRoutes({ store, vault }: ApiContext): Route[] {
  const state = async (): Promise<WebhookState> => {
    const found = await store.webhook.find();
    if (found === undefined) return null;
    const { delivered, failures, least, problem, url } = found;
    return { delivered, failures, least, problem, url };
  };
  return [
    {
      method: "GET",
      path: "/webhook",
      who: "administrator",
      handle: async ({ reply }) => {
        // A null of its own, as JSON has it.
        reply.type("application/json");
        return JSON.stringify(await state());
      },
    },
    {
      method: "POST",
      path: "/webhook",
      who: "administrator",
      handle: async ({ request }) => {
        const { least, secret, url } = parse(WebhookRequest, request.body);
        await store.webhook.set({ url, least, secret: vault.seal(secret, webhookSecret) });
        return state();
      },
    },
    {
      method: "DELETE",
      path: "/webhook",
      who: "administrator",
      handle: () => store.webhook.remove(),
    },
  ];
}
