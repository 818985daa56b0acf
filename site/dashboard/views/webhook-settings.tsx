/** Where status messages are sent, and how that goes. */
import type { WebhookState } from "../../../contract/webhook.ts";
import { Facts } from "../parts/facts.tsx";
import { Action, ChoiceField, Field, Form, type Filled } from "../parts/form.tsx";
import { Section } from "../parts/section.tsx";
import { useResource } from "../state/resource.ts";
import { ask, mayAdminister } from "../state/site.ts";
import { countText, timeText } from "../../quantities.ts";
import { severityTexts } from "../words/status.ts";

export function WebhookSettings() {
  if (!mayAdminister.value) return <p class="empty">The webhook is for administrators.</p>;
  return <Webhook />;
}

/** Null without one: boxed, since a resource's null says that nothing has come. */
const load = async (): Promise<{ state: WebhookState }> => ({
  state: await ask<WebhookState>("GET", "/webhook"),
});

function Webhook() {
  const { act, value } = useResource(load, { everyMs: 5000 });
  if (value === null) return <p class="empty">…</p>;
  const { state } = value;
  const set = async ({ text, typed }: Filled): Promise<string> => {
    const url = text("url");
    await ask("POST", "/webhook", { url, secret: typed("secret"), least: text("least") });
    return `Messages go to ${url} from now on.`;
  };
  const remove = (): Promise<void> =>
    act(async () => {
      await ask("DELETE", "/webhook");
      return "Status messages are sent nowhere.";
    });
  return (
    <Section title="Webhook">
      {state === null ? (
        <p class="empty">Status messages are sent nowhere.</p>
      ) : (
        <>
          <Facts facts={factsOf(state)} />
          <Action label="Remove the webhook" onAct={remove}>
            Remove
          </Action>
        </>
      )}
      <Form act={act} onSend={set} class="fields" label="Webhook">
        <Field label="Send messages to">
          <input name="url" type="url" required placeholder="https://chat.example/hooks/volley" />
        </Field>
        <Field label="Secret that signs them">
          <input name="secret" type="password" required minLength={16} autocomplete="new-password" />
        </Field>
        <ChoiceField label="From which severity on" name="least" chosen="warning" of={severityTexts} />
        <button type="submit">Send them there</button>
      </Form>
    </Section>
  );
}

function factsOf({
  delivered,
  failures,
  least,
  problem,
  url,
}: NonNullable<WebhookState>): [string, string][] {
  return [
    ["To", url],
    ["From severity", severityTexts[least]],
    ["Last taken (UTC)", delivered === null ? "nothing yet" : timeText(delivered)],
    ["Failing", failures === 0 ? "no" : `${countText(failures, "time")}: ${problem}`],
  ];
}
