/** A new deployment: what it is, what will happen, and the confirmation that the site asks for. */
import { useState } from "preact/hooks";
import type { DeploymentPreview } from "../../../contract/devices.ts";
import { Field, Form, type Filled } from "../parts/form.tsx";
import type { Resource } from "../state/resource.ts";
import { ask } from "../state/site.ts";
import {
  DeploymentForm,
  requestOf,
  type DeploymentChoices,
  type DeploymentWish,
} from "./deployment-form.tsx";

interface Wanted {
  /** The request, as the site previewed it. */
  request: DeploymentWish;
  preview: DeploymentPreview;
}

interface NewDeploymentProps {
  known: DeploymentChoices;
  act: Resource<unknown>["act"];
}

export function NewDeployment({ act, known }: NewDeploymentProps) {
  const [wanted, setWanted] = useState<Wanted | null>(null);
  /** Another number is another, empty form. */
  const [form, setForm] = useState(0);
  const show = async (filled: Filled): Promise<void> => {
    const request = requestOf(filled);
    setWanted({ request, preview: await ask<DeploymentPreview>("POST", "/deployments/preview", request) });
  };
  const deploy = ({ text }: Filled): Promise<void> =>
    act(async () => {
      if (wanted === null) return undefined;
      const { preview, request } = wanted;
      // What is asked for and not typed is sent too, for the site to say what it wants.
      const confirm = preview.confirm === null ? {} : { confirm: text("confirm") || "nothing" };
      await ask("POST", "/deployments", { ...request, ...confirm });
      setWanted(null);
      setForm(form + 1);
      return `Deployment ${request.name} is open.`;
    });
  return (
    <>
      <DeploymentForm key={form} known={known} onSend={show} />
      {wanted === null ? null : (
        <Confirmation preview={wanted.preview} onDeploy={deploy} onCancel={() => setWanted(null)} />
      )}
    </>
  );
}

interface ConfirmationProps {
  preview: DeploymentPreview;
  onDeploy: (filled: Filled) => Promise<void>;
  onCancel: () => void;
}

function Confirmation({ onCancel, onDeploy, preview }: ConfirmationProps) {
  const { confirm, devices, effects, enrolled, names, risks } = preview;
  const others = devices > names.length ? " and others" : "";
  const known = enrolled === devices ? "" : ` (${enrolled} of them have enrolled)`;
  const whom = `It is for ${devices} devices${known}: ${names.join(", ")}${others}`;
  return (
    <Form keep onSend={onDeploy} act={(work) => work().then(() => undefined)} class="confirmation">
      <h3>What will happen</h3>
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
          Deploy
        </button>
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </Form>
  );
}
