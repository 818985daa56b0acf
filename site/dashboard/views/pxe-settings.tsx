/** How computers that boot from the network are answered, and which asked. */
import type { PxeProperties, PxeStatus } from "../../../contract/pxe.ts";
import { ChoiceField, Field, Form, Tick, type Filled } from "../parts/form.tsx";
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { useResource } from "../state/resource.ts";
import { ask, mayAdminister } from "../state/site.ts";
import { timeText } from "../../quantities.ts";
import { answerTexts, bootImageTexts, listOf, loaderTexts, servingText, unknownTexts } from "../words/pxe.ts";

const load = (): Promise<PxeStatus> => ask("GET", "/pxe");

export function PxeSettings() {
  const { act, value } = useResource(load, { everyMs: 5000 });
  if (value === null) return <p class="empty">…</p>;
  const { asked, properties } = value;
  const save = async (filled: Filled): Promise<string> => {
    await ask("POST", "/pxe/properties", changeOf(filled));
    return "Saved. It counts for whoever asks from now on.";
  };
  return (
    <>
      <Section title="Booting from the network" aside={<p class="hint">{servingText(value)}</p>}>
        {/* Another key is another form: what others saved is shown, and what is being typed here stays. */}
        <Form key={JSON.stringify(properties)} keep act={act} onSend={save}>
          <fieldset class="groups" disabled={!mayAdminister.value}>
            <legend class="unseen">How computers that boot from the network are answered</legend>
            <fieldset class="fields">
              <legend>Who is answered</legend>
              <Answering properties={properties} />
            </fieldset>
            <fieldset class="fields">
              <legend>What they start</legend>
              <Starting properties={properties} />
            </fieldset>
            <button type="submit">Save</button>
          </fieldset>
        </Form>
      </Section>
      <Section title="Who asked">
        <Table
          label="Who asked"
          id="pxe-asked"
          head={["Time (UTC)", "Computer", "MAC", "Answer", "Why"]}
          empty="No computer has asked since the site was started."
        >
          {asked.map((one) => (
            <tr key={`${one.time} ${one.uuid} ${one.mac}`}>
              <td>{timeText(one.time)}</td>
              <td>{one.name ?? one.uuid ?? ""}</td>
              <td class="code">{one.mac ?? ""}</td>
              <td>{answerTexts[one.answer]}</td>
              <td>{one.reason}</td>
            </tr>
          ))}
        </Table>
      </Section>
    </>
  );
}

function changeOf({ isOn, text, typed }: Filled): object {
  const password = typed("password");
  return {
    respond: isOn("respond"),
    unknown: text("unknown"),
    delaySeconds: Number(text("delaySeconds")),
    promptSeconds: Number(text("promptSeconds")),
    uefiLoader: text("uefiLoader"),
    bootImage: text("bootImage"),
    interfaces: listOf(text("interfaces")),
    excludedMacs: listOf(text("excludedMacs")),
    ignoredMacs: listOf(text("ignoredMacs")),
    ignoredUuids: listOf(text("ignoredUuids")),
    ...(isOn("noPassword") && { password: null }),
    ...(password !== "" && { password }),
  };
}

function Answering({ properties }: { properties: PxeProperties }) {
  const { delaySeconds, excludedMacs, ignoredMacs, ignoredUuids, interfaces, respond, unknown } = properties;
  return (
    <>
      <Tick name="respond" label="Answer computers that ask" defaultChecked={respond} />
      <ChoiceField label="Computers without a record" name="unknown" chosen={unknown} of={unknownTexts} />
      <Field label="Delay, seconds">
        <input name="delaySeconds" type="number" min={0} defaultValue={String(delaySeconds)} required />
      </Field>
      <Field label="Interfaces (none: all of the site's start)">
        <input name="interfaces" defaultValue={interfaces.join(", ")} placeholder="eth0, eth1" />
      </Field>
      <Field label="MACs that get no answer">
        <textarea name="excludedMacs" rows={2} defaultValue={excludedMacs.join("\n")} />
      </Field>
      <Field label="MACs that say nothing, as of docks">
        <textarea name="ignoredMacs" rows={2} defaultValue={ignoredMacs.join("\n")} />
      </Field>
      <Field label="UUIDs that many boards have">
        <textarea name="ignoredUuids" rows={2} defaultValue={ignoredUuids.join("\n")} />
      </Field>
    </>
  );
}

function Starting({ properties }: { properties: PxeProperties }) {
  const { bootImage, password, promptSeconds, uefiLoader } = properties;
  return (
    <>
      <ChoiceField label="UEFI computers load" name="uefiLoader" chosen={uefiLoader} of={loaderTexts} />
      <ChoiceField label="Boot image" name="bootImage" chosen={bootImage} of={bootImageTexts} />
      <Field label="Time to take what is available, seconds">
        <input name="promptSeconds" type="number" min={1} defaultValue={String(promptSeconds)} required />
      </Field>
      <Field label={password ? "Another password" : "Password (none: nobody is asked)"}>
        <input name="password" type="password" autocomplete="new-password" />
      </Field>
      {password ? <Tick name="noPassword" label="Ask for no password any more" /> : null}
    </>
  );
}
