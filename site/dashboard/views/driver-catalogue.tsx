/** The drivers in the site's packages: all, or those for a device by one of its PnP identifiers. */
import { useState } from "preact/hooks";
import type { DriverRecord } from "../../../contract/sequence.ts";
import { Field, Form, type Filled } from "../parts/form.tsx";
import { Table } from "../parts/table.tsx";
import { list } from "../state/resource.ts";

export function DriverCatalogue({ drivers }: { drivers: readonly DriverRecord[] }) {
  /** Null: nobody has asked for a device. */
  const [found, setFound] = useState<{ identifier: string; drivers: DriverRecord[] } | null>(null);
  const find = async ({ text }: Filled): Promise<void> => {
    const identifier = text("identifier");
    const address = `/drivers?identifier=${encodeURIComponent(identifier)}`;
    setFound(identifier === "" ? null : { identifier, drivers: await list<DriverRecord>(address) });
  };
  const shown = found === null ? drivers : found.drivers;
  return (
    <>
      <Table
        label="Drivers"
        id="drivers"
        head={["Package", "INF", "Provider", "Class", "Version", "Devices"]}
        empty={
          found === null
            ? "No package holds drivers yet: one that is added with a category is looked through."
            : `No package has a driver for ${found.identifier}.`
        }
      >
        {shown.map((one) => (
          <tr key={`${one.packageId} ${one.path}`}>
            <td class="code">{one.packageId}</td>
            <td>{one.path}</td>
            <td>{one.provider}</td>
            <td>{one.className}</td>
            <td>{`${one.date} ${one.version}`.trim()}</td>
            <td>{one.identifiers}</td>
          </tr>
        ))}
      </Table>
      <Form keep onSend={find} class="fields" label="Find drivers">
        <Field label="For a device's PnP identifier">
          <input name="identifier" placeholder="PCI\VEN_8086&DEV_15B8; empty: all" />
        </Field>
        <button type="submit">Find drivers</button>
      </Form>
    </>
  );
}
