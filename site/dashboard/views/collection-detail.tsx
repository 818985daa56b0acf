/** One collection: who is in it and why, its rule, and its variables. */
import type { CollectionRecord } from "../../../contract/devices.ts";
import { Action, Field, Form, type Filled } from "../parts/form.tsx";
import { useGuard } from "../parts/guard.tsx";
import { RuleFields, ruleOf } from "../parts/rule-fields.tsx";
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { Variables } from "../parts/variables.tsx";
import type { Resource } from "../state/resource.ts";
import { ask, mayOperate } from "../state/site.ts";
import { deviceName, ruleText } from "../words/deployment.ts";
import type { Known } from "./collections.tsx";

interface CollectionDetailProps {
  collection: CollectionRecord;
  known: Known;
  act: Resource<unknown>["act"];
}

export function CollectionDetail({ act, collection, known }: CollectionDetailProps) {
  const { devices, id, members, name, rule } = collection;
  const takeOut = (member: string): Promise<void> =>
    act(() => ask("POST", `/collections/${id}`, { remove: [member] }).then(() => undefined));
  return (
    <>
      <Section title={`Collection ${name}`} aside={<p class="hint">{ruleText(rule) || "No rule"}</p>}>
        <Table label="Members" id="members" head={["Device", "Why", ""]} empty="No device is in it now.">
          {members.map((member) => (
            <tr key={member.id}>
              <td>
                <a href={`/devices/${member.id}`}>{member.name}</a>
              </td>
              <td>{devices.includes(member.id) ? "by name" : "by rule"}</td>
              <td class="actions">
                {mayOperate.value && devices.includes(member.id) ? (
                  <Action label={`Take out ${member.name}`} onAct={() => takeOut(member.id)}>
                    Take out
                  </Action>
                ) : null}
              </td>
            </tr>
          ))}
        </Table>
        {mayOperate.value ? <ChangeCollection collection={collection} known={known} act={act} /> : null}
      </Section>
      <Variables
        address={`/collections/${id}/variables`}
        hint="They count over a deployment's; a device's own count over them."
      />
    </>
  );
}

function ChangeCollection({ act, collection, known }: CollectionDetailProps) {
  const guard = useGuard(act);
  const { devices, id, name, rule } = collection;
  const save = (filled: Filled): Promise<string | undefined> => {
    const body = { name: filled.text("name"), add: filled.data.getAll("add"), rule: ruleOf(filled) };
    const told = (): string => `Collection ${body.name} is changed.`;
    return guard.make({ path: `/collections/${id}`, body, action: "Change it", told });
  };
  const others = known.devices.filter((device) => !devices.includes(device.id));
  return (
    <>
      <Form
        // What was saved is what the fields show.
        key={`${id} ${JSON.stringify([name, devices, rule])}`}
        keep
        act={act}
        onSend={save}
        class="fields"
        label="Change the collection"
      >
        <Field label="Collection">
          <input name="name" required defaultValue={name} />
        </Field>
        <Field label="Put in by name">
          <select name="add" multiple size={4}>
            {others.map((device) => (
              <option key={device.id} value={device.id}>
                {deviceName(device)}
              </option>
            ))}
          </select>
        </Field>
        <RuleFields rule={rule} />
        <button type="submit">Save</button>
      </Form>
      {guard.view}
    </>
  );
}
