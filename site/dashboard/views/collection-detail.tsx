/** One collection: who is in it and why, its rule, and its variables. */
import { useState } from "preact/hooks";
import type { CollectionRecord, DeploymentPreview } from "../../../contract/devices.ts";
import { Confirmation, confirmOf } from "../parts/confirmation.tsx";
import { Action, Field, Form, type Filled } from "../parts/form.tsx";
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
  const change = (wanted: object): Promise<unknown> => ask("POST", `/collections/${id}`, wanted);
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
                  <Action
                    label={`Take out ${member.name}`}
                    onAct={() => act(() => change({ remove: [member.id] }).then(() => undefined))}
                  >
                    Take out
                  </Action>
                ) : null}
              </td>
            </tr>
          ))}
        </Table>
        {mayOperate.value ? (
          <ChangeCollection collection={collection} known={known} act={act} change={change} />
        ) : null}
      </Section>
      <Variables
        address={`/collections/${id}/variables`}
        hint="They count over a deployment's; a device's own count over them."
      />
    </>
  );
}

interface ChangeCollectionProps extends CollectionDetailProps {
  change: (wanted: object) => Promise<unknown>;
}

/** A change that the site wants confirmed, as it was previewed. */
interface Unconfirmed {
  wanted: { name: string };
  preview: DeploymentPreview;
}

function ChangeCollection({ act, change, collection, known }: ChangeCollectionProps) {
  const [unconfirmed, setUnconfirmed] = useState<Unconfirmed | null>(null);
  const { devices, id, name, rule } = collection;
  const save = async (filled: Filled): Promise<string | undefined> => {
    const wanted = { name: filled.text("name"), add: filled.data.getAll("add"), rule: ruleOf(filled) };
    const preview = await ask<DeploymentPreview>("POST", `/collections/${id}/preview`, wanted);
    if (preview.confirm !== null) {
      setUnconfirmed({ wanted, preview });
      return undefined;
    }
    await change(wanted);
    setUnconfirmed(null);
    return `Collection ${wanted.name} is changed.`;
  };
  const confirm = (filled: Filled): Promise<void> =>
    act(async () => {
      if (unconfirmed === null) return undefined;
      const { preview, wanted } = unconfirmed;
      await change({ ...wanted, ...confirmOf(preview, filled) });
      setUnconfirmed(null);
      return `Collection ${wanted.name} is changed.`;
    });
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
      {unconfirmed === null ? null : (
        <Confirmation
          preview={unconfirmed.preview}
          action="Change it"
          onDo={confirm}
          onCancel={() => setUnconfirmed(null)}
        />
      )}
    </>
  );
}
