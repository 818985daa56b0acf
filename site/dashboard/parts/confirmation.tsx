/** What a deployment will do, before it does, and the name that is typed where the risk is high. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { DeploymentPreview } from "../../../contract/devices.ts";
import { countText } from "../../quantities.ts";
import { Field, Form, type Filled } from "./form.tsx";

interface ConfirmationProps {
  preview: DeploymentPreview;
  /** On the button that does it. */
  action: string;
  onDo: (filled: Filled) => Promise<void>;
  onCancel: () => void;
  /** Above what will happen. */
  children?: ComponentChildren;
}

/** What `confirm` of the request is: what is asked for and not typed is sent too, for the site to say what it wants. */
export function confirmOf({ confirm }: DeploymentPreview, { text }: Filled): { confirm?: string } {
  return confirm === null ? {} : { confirm: text("confirm") || "nothing" };
}

export function Confirmation({ action, children, onCancel, onDo, preview }: ConfirmationProps) {
  const { confirm, devices, effects, enrolled, names, risks } = preview;
  const others = devices > names.length ? " and others" : "";
  const known =
    enrolled === devices ? "" : ` (of which ${enrolled} ${enrolled === 1 ? "has" : "have"} enrolled)`;
  const whom = `It is for ${countText(devices, "device")}${known}: ${names.join(", ")}${others}`;
  const title = useRef<HTMLHeadingElement>(null);
  // What asked for it may be at the end of a long table.
  useEffect(() => title.current?.scrollIntoView({ block: "center" }), []);
  return (
    <Form keep onSend={onDo} act={(work) => work().then(() => undefined)} class="confirmation">
      <h3 ref={title}>What will happen</h3>
      {children}
      <ul>
        <li>{devices === 0 ? "It is for no device now." : whom}</li>
        {effects.map((effect) => (
          <li key={effect}>{effect}</li>
        ))}
      </ul>
      {risks.length === 0 ? null : (
        <p class="risk">{risks.map(({ reason }) => `High risk: ${reason}`).join(" ")}</p>
      )}
      {confirm === null ? null : (
        <Field label={`Type ${confirm} to go on`}>
          <input name="confirm" autocomplete="off" autoFocus />
        </Field>
      )}
      <div class="buttons">
        <button type="submit" class={risks.length === 0 ? "main" : "danger"}>
          {action}
        </button>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </Form>
  );
}
