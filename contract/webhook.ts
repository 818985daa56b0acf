/**
 * The webhook: status messages, machines' and the site's own, sent to an address of the administrator's. Each request is a
 * POST of WebhookDelivery as JSON with the header `X-Volley-Signature: t=SECONDS,v1=HEX`, HEX the HMAC-SHA256 under the secret
 * of SECONDS, a full stop and the body. A message comes at least once: `source` and `sequence` tell it from others.
 */
import { z } from "zod";
import { Time } from "./common.ts";
import { limits } from "./limits.ts";
import { Severity, SiteStatusEntry, StatusEntry } from "./status-messages.ts";

/** POST /webhook, by an administrator: from now on, without what was told before. DELETE there ends it. */
export const WebhookRequest = z.object({
  /** Its user, password and fragment are empty: an address is shown, a secret is not. */
  url: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .refine((text) => {
      const { hash, password, username } = new URL(text);
      return hash + password + username === "";
    }, "holds a name, password or fragment"),
  secret: z.string().min(limits.webhookSecretCharactersLeast).max(1000),
  /** What is less severe is not sent. */
  least: Severity.default("warning"),
});
export type WebhookRequest = z.infer<typeof WebhookRequest>;
/** GET /webhook; null without one. */
export const WebhookState = z
  .object({
    url: z.string(),
    least: Severity,
    /** When the receiver last took something. */
    delivered: Time.nullable(),
    /** Tries in a row that failed, and why the last one did. */
    failures: z.int(),
    problem: z.string(),
  })
  .nullable();
export type WebhookState = z.infer<typeof WebhookState>;

export const WebhookDelivery = z.object({
  messages: z.array(
    z.discriminatedUnion("source", [
      StatusEntry.extend({ source: z.literal("machine") }),
      SiteStatusEntry.extend({ source: z.literal("site") }),
    ]),
  ),
});
export type WebhookDelivery = z.infer<typeof WebhookDelivery>;
