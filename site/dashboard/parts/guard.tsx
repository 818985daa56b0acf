/** A change of who is known, approved or in a collection, shown with what open deployments do by it before it is made. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { DeploymentPreview } from "../../../contract/devices.ts";
import type { Resource } from "../state/resource.ts";
import { ask } from "../state/site.ts";
import { Confirmation, confirmOf } from "./confirmation.tsx";
import type { Filled } from "./form.tsx";

interface Change {
  /** What it is posted to; behind it stands "/preview". */
  path: string;
  body: object;
  /** On the button that makes it all the same. */
  action: string;
  /** What is said of the site's answer. */
  told: (answer: unknown) => string;
}

interface Guard {
  /** Makes the change where it lets no open deployment reach anybody, else has `view` ask. Answers what is said. */
  make: (change: Change) => Promise<string | undefined>;
  view: ComponentChildren;
}

export function useGuard(act: Resource<unknown>["act"]): Guard {
  const [asked, setAsked] = useState<(Change & { preview: DeploymentPreview }) | null>(null);
  const make = async (change: Change): Promise<string | undefined> => {
    const { body, path, told } = change;
    const preview = await ask<DeploymentPreview>("POST", `${path}/preview`, body);
    setAsked(preview.effects.length === 0 ? null : { ...change, preview });
    return preview.effects.length === 0 ? told(await ask("POST", path, body)) : undefined;
  };
  if (asked === null) return { make, view: null };
  const { action, body, path, preview, told } = asked;
  const onDo = (filled: Filled): Promise<void> =>
    act(async () => {
      const answer = await ask("POST", path, { ...body, ...confirmOf(preview, filled) });
      setAsked(null);
      return told(answer);
    });
  const view = <Confirmation preview={preview} action={action} onDo={onDo} onCancel={() => setAsked(null)} />;
  return { make, view };
}
