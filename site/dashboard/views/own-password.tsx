/** A password of one's own in the place of the present one. */
import { Field, Form, type Filled } from "../parts/form.tsx";
import { Section } from "../parts/section.tsx";
import { ask } from "../state/site.ts";

async function change({ typed }: Filled): Promise<string> {
  await ask("POST", "/me/password", { current: typed("current"), password: typed("password") });
  return "The password is changed; every other sign-in with it has ended.";
}

export function OwnPassword() {
  return (
    <Section title="Own password">
      <Form onSend={change} class="fields">
        <Field label="Present password">
          <input name="current" type="password" autocomplete="current-password" required />
        </Field>
        <Field label="New password">
          <input name="password" type="password" autocomplete="new-password" minLength={12} required />
        </Field>
        <button type="submit">Change it</button>
      </Form>
    </Section>
  );
}
