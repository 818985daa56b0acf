/** Devices of a CSV file, and what open deployments will do to those that come by it. */
import type { ImportDevicesAnswer } from "../../../contract/devices.ts";
import { Field, Form, type Filled } from "../parts/form.tsx";
import { useGuard } from "../parts/guard.tsx";
import type { Resource } from "../state/resource.ts";
import { countIsText } from "../../quantities.ts";

export function ImportDevices({ act }: { act: Resource<unknown>["act"] }) {
  const guard = useGuard(act);
  const send = async ({ data }: Filled): Promise<string | undefined> => {
    const file = data.get("file");
    if (!(file instanceof File)) throw new Error("No file is chosen.");
    const body = { csv: await file.text() };
    return await guard.make({ path: "/devices/import", body, action: "Import them", told });
  };
  return (
    <>
      <Form act={act} onSend={send} class="fields" label="Import devices">
        <Field label="CSV file">
          <input name="file" type="file" accept=".csv,text/csv" required />
        </Field>
        <button type="submit">Import devices</button>
      </Form>
      {guard.view}
    </>
  );
}

function told(answer: unknown): string {
  const { added, skipped } = answer as ImportDevicesAnswer;
  const left = skipped.map(({ line, reason }) => `Entry ${line - 1}: ${reason}`).join(" ");
  return `${countIsText(added, "device")} added. ${left}`.trim();
}
