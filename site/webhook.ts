/** Sends status messages to the webhook, in their order, each until it is taken: after a failure less and less often. */
import { createHmac } from "node:crypto";
import { limits } from "../contract/limits.ts";
import { Severity } from "../contract/status-messages.ts";
import type { WebhookDelivery } from "../contract/webhook.ts";
import { toVolleyError } from "../contract/errors.ts";
import type { Log } from "./log.ts";
import type { Store } from "./store/store.ts";
import type { StoredWebhook } from "./store/webhook.ts";

/** What the secret is sealed for. */
export const webhookSecret = "webhook";

/** What of the vault is used here. */
export interface OpensSecrets {
  /** `what` it was sealed for. Throws E_STORE. */
  open(sealed: string, what: string): string;
}
export interface WebhookOptions {
  store: Store;
  vault: OpensSecrets;
  log: Log;
}

/** Answers what ends it, once a request that goes on is over. */
export function startWebhook(options: WebhookOptions): () => Promise<void> {
  const stop = new AbortController();
  let working: Promise<void> | null = null;
  const timer = setInterval(() => {
    working ??= sendDue(options, stop.signal)
      .catch((error: unknown) => {
        options.log.error(`the webhook: ${toVolleyError(error).detail}`);
      })
      .finally(() => (working = null));
  }, limits.webhookLookMs);
  return async () => {
    clearInterval(timer);
    stop.abort();
    await working;
  };
}

async function sendDue({ log, store, vault }: WebhookOptions, signal: AbortSignal): Promise<void> {
  const nowMs = Date.now();
  const seen = await store.webhook.find();
  if (seen === undefined || Date.parse(seen.notBefore) > nowMs) return;
  // Looking costs no write: most of the time there is nothing to send.
  const ahead = await nextMessages(store, seen);
  if (ahead.messages.length === 0) {
    const passed = ahead.reportSequence + ahead.siteSequence - seen.reportSequence - seen.siteSequence;
    if (passed < limits.webhookPassedMost) return;
  }
  const webhook = await store.webhook.claim(nowMs);
  if (webhook === undefined) return;
  const { messages, ...reached } = await nextMessages(store, webhook);
  if (messages.length === 0) {
    await store.webhook.settle(webhook.url, { ...webhook, ...reached }, nowMs);
    return;
  }
  const problem = await post(webhook, vault, { messages }, signal);
  if (signal.aborted) {
    await store.webhook.settle(webhook.url, webhook, nowMs);
    return;
  }
  if (problem === null) {
    const delivered = new Date().toISOString();
    if (webhook.failures > 0) log.info(`the webhook takes messages again`);
    const ended = { ...reached, failures: 0, problem: "", delivered };
    await store.webhook.settle(webhook.url, ended, Date.now());
    return;
  }
  const failures = webhook.failures + 1;
  const waitMs = Math.min(
    limits.webhookRetryLeastMs * 2 ** Math.min(failures - 1, 20),
    limits.webhookRetryMostMs,
  );
  if (failures === 1) log.warn(`the webhook does not take messages: ${problem}`);
  await store.webhook.settle(webhook.url, { ...webhook, failures, problem }, Date.now() + waitMs);
}

type Message = WebhookDelivery["messages"][number];

/** The next that are severe enough, and how far that reaches. */
async function nextMessages(
  store: Store,
  { least, reportSequence, siteSequence }: StoredWebhook,
): Promise<{ messages: Message[]; reportSequence: number; siteSequence: number }> {
  const severities = Severity.options.slice(Severity.options.indexOf(least));
  const limit = limits.webhookMessagesAtOnce;
  const told = await store.statusMessages.after(reportSequence, { severities, limit });
  const own = await store.siteMessages.after(siteSequence, { severities, limit });
  return {
    messages: [
      ...told.entries.map((entry) => ({ ...entry, source: "machine" as const })),
      ...own.entries.map((entry) => ({ ...entry, source: "site" as const })),
    ],
    reportSequence: told.reached,
    siteSequence: own.reached,
  };
}

/** Null: it was taken, which an answer of 200 to 299 says. */
async function post(
  { secret, url }: StoredWebhook,
  vault: OpensSecrets,
  delivery: WebhookDelivery,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const body = JSON.stringify(delivery);
    const seconds = Math.floor(Date.now() / 1000);
    const key = vault.open(secret, webhookSecret);
    const signature = createHmac("sha256", key).update(`${seconds}.${body}`).digest("hex");
    const answer = await fetch(url, {
      method: "POST",
      // Elsewhere is not what the administrator named.
      redirect: "error",
      headers: {
        "content-type": "application/json",
        "x-volley-signature": `t=${seconds},v1=${signature}`,
      },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(limits.webhookRequestMs)]),
    });
    await answer.body?.cancel();
    return answer.ok ? null : `it answered ${answer.status}`;
  } catch (error) {
    const cause = (error as { cause?: unknown }).cause;
    return cause instanceof Error ? cause.message : (error as Error).message;
  }
}
