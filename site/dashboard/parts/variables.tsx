/** Variables of a device or a collection: a hidden one is set and taken away, and never shown. */
import { useCallback } from "preact/hooks";
import type { DeviceVariables, SequenceVariable } from "../../../contract/sequence.ts";
import { useResource, type Resource } from "../state/resource.ts";
import { ask, mayOperate } from "../state/site.ts";
import { Action, Field, Form, Tick, type Filled } from "./form.tsx";
import { Section } from "./section.tsx";
import { Table } from "./table.tsx";

interface VariablesProps {
  /** Below the API. */
  address: string;
  /** Which variables count over which. */
  hint: string;
}

export function Variables({ address, hint }: VariablesProps) {
  const load = useCallback(() => ask<DeviceVariables>("GET", address), [address]);
  const { act, value } = useResource(load);
  if (value === null) return null;
  const { variables } = value;
  const change = (name: string, set: SequenceVariable[]): Promise<DeviceVariables> => {
    const others = variables.filter((one) => one.name.toLowerCase() !== name.toLowerCase());
    return ask("POST", address, { variables: set, keep: others.map((one) => one.name) });
  };
  return (
    <Section title="Variables" aside={<p class="hint">{hint}</p>}>
      <Table label="Variables" id="variables" head={["Name", "Value", ""]} empty="There is none of its own.">
        {variables.map(({ hidden, name, value: text }) => (
          <tr key={name}>
            <td class="code">{name}</td>
            <td>{hidden ? "hidden" : text}</td>
            <td class="actions">
              {mayOperate.value ? (
                <Action
                  label={`Remove variable ${name}`}
                  onAct={() =>
                    act(async () => {
                      await change(name, []);
                      return `${name} is taken away.`;
                    })
                  }
                >
                  Remove
                </Action>
              ) : null}
            </td>
          </tr>
        ))}
      </Table>
      {mayOperate.value ? <SetVariable change={change} act={act} /> : null}
    </Section>
  );
}

interface SetVariableProps {
  change: (name: string, set: SequenceVariable[]) => Promise<unknown>;
  act: Resource<unknown>["act"];
}

function SetVariable({ act, change }: SetVariableProps) {
  const set = async ({ isOn, text, typed }: Filled): Promise<string> => {
    const name = text("name");
    await change(name, [{ name, value: typed("value"), hidden: isOn("hidden") }]);
    return `${name} is set, for task sequences that begin from now on.`;
  };
  return (
    <Form act={act} onSend={set} class="fields" label="Set a variable">
      <Field label="Variable">
        <input name="name" required pattern="[A-Za-z][A-Za-z0-9_\-]*" placeholder="OSDComputerName" />
      </Field>
      <Field label="Its value">
        <input name="value" maxLength={4000} autocomplete="off" />
      </Field>
      <Tick name="hidden" label="Secret: stored encrypted, shown to nobody" />
      <button type="submit">Set it</button>
    </Form>
  );
}
