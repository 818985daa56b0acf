/** A new deployment: what it is, what will happen, and the confirmation that the site asks for. */
import { useState } from "preact/hooks";
import type { DeploymentPreview } from "../../../contract/devices.ts";
import { Confirmation, confirmOf } from "../parts/confirmation.tsx";
import type { Filled } from "../parts/form.tsx";
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
  const deploy = (filled: Filled): Promise<void> =>
    act(async () => {
      if (wanted === null) return undefined;
      const { preview, request } = wanted;
      await ask("POST", "/deployments", { ...request, ...confirmOf(preview, filled) });
      setWanted(null);
      setForm(form + 1);
      return `Deployment ${request.name} is open.`;
    });
  return (
    <>
      <DeploymentForm key={form} known={known} onSend={show} />
      {wanted === null ? null : (
        <Confirmation
          preview={wanted.preview}
          action="Deploy"
          onDo={deploy}
          onCancel={() => setWanted(null)}
        />
      )}
    </>
  );
}
