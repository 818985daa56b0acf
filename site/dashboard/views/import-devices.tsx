/** Devices of a CSV file, and the name that confirms where an open deployment becomes one of high risk by them. */
import { useState } from "preact/hooks";
import type { ImportDevicesAnswer } from "../../../contract/devices.ts";
import { Field, Form, type Filled } from "../parts/form.tsx";
import type { Resource } from "../state/resource.ts";
import { ask, Refusal } from "../state/site.ts";

export function ImportDevices({ act }: { act: Resource<unknown>["act"] }) {
  const [isAsked, setIsAsked] = useState(false);
  const send = async ({ data, text }: Filled): Promise<string> => {
    const file = data.get("file");
    if (!(file instanceof File)) throw new Error("No file is chosen.");
    const confirm = text("confirm");
    const request = { csv: await file.text(), ...(confirm !== "" && { confirm }) };
    try {
      const { added, skipped } = await ask<ImportDevicesAnswer>("POST", "/devices/import", request);
      setIsAsked(false);
      const left = skipped.map(({ line, reason }) => `Entry ${line - 1}: ${reason}`).join(" ");
      return `${added} devices are added. ${left}`.trim();
    } catch (error) {
      if (error instanceof Refusal && error.code === "E_NOT_CONFIRMED") setIsAsked(true);
      throw error;
    }
  };
  return (
    <Form act={act} onSend={send} class="fields" label="Import devices">
      <Field label="CSV file">
        <input name="file" type="file" accept=".csv,text/csv" required />
      </Field>
      {isAsked ? (
        <Field label="Name that confirms it">
          <input name="confirm" autocomplete="off" autoFocus />
        </Field>
      ) : null}
      <button type="submit">Import devices</button>
    </Form>
  );
}
