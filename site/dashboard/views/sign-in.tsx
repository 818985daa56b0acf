/** Signs in, and asks for a password of one's own where the account still has one that was made for it. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Me } from "../../../contract/accounts.ts";
import { Field, Form, type Filled } from "../parts/form.tsx";
import { ask, me, said } from "../state/site.ts";

export function SignInView() {
  /** The password that was made, once it has opened the account. */
  const [made, setMade] = useState<string | null>(null);
  useEffect(() => {
    document.title = "Volley: sign in";
  }, []);
  return (
    <main class="sign-in">
      <h1>Volley</h1>
      {made === null ? <SignIn onMade={setMade} /> : <Renew made={made} />}
      <p id="said" role="alert">
        {said.value}
      </p>
    </main>
  );
}

function SignIn({ onMade }: { onMade: (password: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const name = useRef<HTMLInputElement>(null);
  useEffect(() => name.current?.focus(), []);
  const signIn = async ({ text, typed }: Filled): Promise<void> => {
    const password = typed("password");
    try {
      me.value = await ask<Me>("POST", "/login", { name: text("name"), password });
    } catch (error) {
      field.current?.select();
      throw error;
    }
    if (me.value.mustChangePassword) onMade(password);
    else location.replace("/");
  };
  return (
    <Form keep onSend={signIn}>
      <Field label="Name">
        <input ref={name} name="name" autocomplete="username" required />
      </Field>
      <Field label="Password">
        <input ref={field} name="password" type="password" autocomplete="current-password" required />
      </Field>
      <p class="hint">
        A new site shows the first name and password where it was started; <code>volley user password</code>{" "}
        makes another one.
      </p>
      <button type="submit">Sign in</button>
    </Form>
  );
}

function Renew({ made }: { made: string }) {
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const renew = async ({ typed }: Filled): Promise<void> => {
    const password = typed("fresh");
    if (password !== typed("again")) throw new Error("The two are not the same.");
    await ask("POST", "/me/password", { current: made, password });
    location.replace("/");
  };
  return (
    <Form keep onSend={renew}>
      <p>Choose a password of your own. It has at least 12 characters.</p>
      <Field label="New password">
        <input ref={first} name="fresh" type="password" autocomplete="new-password" minLength={12} required />
      </Field>
      <Field label="Once more">
        <input name="again" type="password" autocomplete="new-password" minLength={12} required />
      </Field>
      <button type="submit">Change it</button>
    </Form>
  );
}
