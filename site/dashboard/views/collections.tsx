/** Collections: who is in them, by name or by rule, and a new one. */
import type { CollectionRecord, DeviceRecord } from "../../../contract/devices.ts";
import { Action, Field, Form, type Filled } from "../parts/form.tsx";
import { RuleFields, ruleOf } from "../parts/rule-fields.tsx";
import { Table } from "../parts/table.tsx";
import type { Resource } from "../state/resource.ts";
import { ask, mayOperate } from "../state/site.ts";
import { wake } from "../state/wake.ts";
import { deviceName, ruleText } from "../words/deployment.ts";
import { namesText } from "../../quantities.ts";

export interface Known {
  devices: DeviceRecord[];
  collections: CollectionRecord[];
}

interface CollectionsProps {
  known: Known;
  act: Resource<unknown>["act"];
}

export function Collections({ act, known }: CollectionsProps) {
  return (
    <>
      <Table
        label="Collections"
        id="collections"
        head={["Name", "Rule", "Devices", ""]}
        empty="There is none yet. A deployment is to a collection, or to all machines."
      >
        {known.collections.map((one) => (
          <tr key={one.id}>
            <td>
              <a href={`/devices/${one.id}`}>{one.name}</a>
            </td>
            <td>{ruleText(one.rule)}</td>
            <td>{membersText(one)}</td>
            <td class="actions">{mayOperate.value ? <CollectionActions one={one} act={act} /> : null}</td>
          </tr>
        ))}
      </Table>
      {mayOperate.value ? <NewCollection known={known} act={act} /> : null}
    </>
  );
}

function membersText({ members }: CollectionRecord): string {
  const names = members.map(({ name }) => name);
  return names.length === 0 ? "none" : `${names.length}: ${namesText(names)}`;
}

function CollectionActions({ act, one }: { one: CollectionRecord; act: CollectionsProps["act"] }) {
  return (
    <>
      <Action
        label={`Wake collection ${one.name}`}
        onAct={() => act(() => wake(`/collections/${one.id}/wake`, {}))}
      >
        Wake
      </Action>
      <Action
        label={`Remove collection ${one.name}`}
        onAct={() => act(() => ask("DELETE", `/collections/${one.id}`))}
      >
        Remove
      </Action>
    </>
  );
}

function NewCollection({ act, known }: CollectionsProps) {
  const make = async (filled: Filled): Promise<void> => {
    const [name, devices] = [filled.text("name"), filled.data.getAll("devices")];
    await ask("POST", "/collections", { name, devices, rule: ruleOf(filled) });
  };
  return (
    <Form act={act} onSend={make} class="fields">
      <Field label="Collection">
        <input name="name" required />
      </Field>
      <Field label="Devices">
        <select name="devices" multiple size={4}>
          {known.devices.map((device) => (
            <option key={device.id} value={device.id}>
              {deviceName(device)}
            </option>
          ))}
        </select>
      </Field>
      <RuleFields rule={null} />
      <button type="submit">Make collection</button>
    </Form>
  );
}
