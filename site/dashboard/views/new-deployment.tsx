/** A new deployment: what it is, what will happen, and the confirmation that the site asks for. */
import { useState } from "preact/hooks";
import type { DeploymentPreview } from "../../../contract/devices.ts";
import { Field, Form, Tick, type Filled } from "../parts/form.tsx";
import type { Resource } from "../state/resource.ts";
import { images } from "../state/room.ts";
import { ask } from "../state/site.ts";
import type { Deployable } from "./deployments.tsx";

interface Wanted {
  /** The request, as the site previewed it. */
  request: Record<string, unknown> & { name: string };
  preview: DeploymentPreview;
}

interface NewDeploymentProps {
  known: Deployable;
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

function requestOf({ isOn, text }: Filled): Wanted["request"] {
  const [kind = "imageId", id] = text("what").split(" ");
  const iso = (time: string): string | null => (time === "" ? null : new Date(time).toISOString());
  const subnets = text("subnets").split(",");
  return {
    name: text("name"),
    [kind]: id,
    ...(text("to") === "all" ? { machines: "all" } : { collectionId: text("to") }),
    purpose: text("purpose"),
    unattended: isOn("unattended"),
    wake: isOn("wake"),
    starts: iso(text("starts")),
    expires: iso(text("expires")),
    subnets: subnets.map((one) => one.trim()).filter((one) => one !== ""),
  };
}

function DeploymentForm({ known, onSend }: { known: Deployable; onSend: (filled: Filled) => Promise<void> }) {
  return (
    <Form keep onSend={onSend} class="fields">
      <Field label="Deployment">
        <input name="name" required />
      </Field>
      <Field label="What">
        <select name="what" required>
          {images.value.map(({ id, name }) => (
            <option key={id} value={`imageId ${id}`}>{`image ${name}`}</option>
          ))}
          {known.sequences.map(({ id, name }) => (
            <option key={id} value={`sequenceId ${id}`}>{`task sequence ${name}`}</option>
          ))}
        </select>
      </Field>
      <Field label="To">
        <select name="to" required>
          {known.collections.map(({ id, members, name }) => (
            <option key={id} value={id}>{`${name} (${members.length})`}</option>
          ))}
          <option value="all">all machines</option>
        </select>
      </Field>
      <Field label="Kind">
        <select name="purpose">
          <option>available</option>
          <option>required</option>
        </select>
      </Field>
      <Field label="Starts">
        <input name="starts" type="datetime-local" />
      </Field>
      <Field label="Expires">
        <input name="expires" type="datetime-local" />
      </Field>
      <Field label="Boundary">
        <input name="subnets" placeholder="10.1.0.0/16, 10.2.0.0/16" />
      </Field>
      <Tick name="unattended" label="Nobody is asked" />
      <Tick name="wake" label="Switch them on (Wake-on-LAN)" />
      <button type="submit">Show what will happen</button>
    </Form>
  );
}

interface ConfirmationProps {
  preview: DeploymentPreview;
  onDeploy: (filled: Filled) => Promise<void>;
  onCancel: () => void;
}

function Confirmation({ onCancel, onDeploy, preview }: ConfirmationProps) {
  const { confirm, devices, effects, names, risks } = preview;
  const others = devices > names.length ? " and others" : "";
  return (
    <Form keep onSend={onDeploy} act={(work) => work().then(() => undefined)} class="confirmation">
      <h3>What will happen</h3>
      <ul>
        <li>{`It is for ${devices} devices: ${names.join(", ")}${others}`}</li>
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
