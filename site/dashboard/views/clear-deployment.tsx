/** A deployment that machines are to do once more: which of them, and what that will do. */
import { useEffect, useState } from "preact/hooks";
import type { DeploymentRecord } from "../../../contract/administration.ts";
import type { DeploymentPreview } from "../../../contract/devices.ts";
import { Confirmation, confirmOf } from "../parts/confirmation.tsx";
import { Choices, Field, type Filled } from "../parts/form.tsx";
import type { Resource } from "../state/resource.ts";
import { roster } from "../state/room.ts";
import { ask, saying } from "../state/site.ts";
import { countIsText } from "../../quantities.ts";

interface ClearDeploymentProps {
  one: DeploymentRecord;
  act: Resource<unknown>["act"];
  onClose: () => void;
}

const everyMachine = "all";

export function ClearDeployment({ act, one, onClose }: ClearDeploymentProps) {
  const [chosen, setChosen] = useState(everyMachine);
  const [preview, setPreview] = useState<DeploymentPreview | null>(null);
  useEffect(() => {
    void saying(async () => {
      const some = chosen === everyMachine ? {} : { machines: [chosen], collectionId: null };
      setPreview(await ask<DeploymentPreview>("POST", "/deployments/preview", { ...one, ...some }));
    });
  }, [chosen, one]);
  if (preview === null) return null;
  const clear = (filled: Filled): Promise<void> =>
    act(async () => {
      const machines = chosen === everyMachine ? chosen : [chosen];
      const { cleared } = await ask<{ cleared: number }>("POST", `/deployments/${one.id}/clear`, {
        machines,
        ...confirmOf(preview, filled),
      });
      onClose();
      return `${countIsText(cleared, "machine")} to do ${one.name} once more.`;
    });
  return (
    <Confirmation preview={preview} action={`Do ${one.name} once more`} onDo={clear} onCancel={onClose}>
      <Field label="Once more on">
        <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
          <option value={everyMachine}>every machine that it is for</option>
          <Choices of={roster.value} />
        </select>
      </Field>
    </Confirmation>
  );
}
