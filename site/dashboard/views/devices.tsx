/** Devices: who is known, who waits for approval, and the collections they are in. */
import type { CredentialAnswer } from "../../../contract/administration.ts";
import type { CollectionRecord, DeviceRecord } from "../../../contract/devices.ts";
import { Action, Field, Form, Tick, type Filled } from "../parts/form.tsx";
import { useGuard } from "../parts/guard.tsx";
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { detailOf } from "../state/location.ts";
import { list, useResource, type Resource } from "../state/resource.ts";
import { devicesRevision, seenSignal } from "../state/room.ts";
import { ask, mayOperate } from "../state/site.ts";
import { wake } from "../state/wake.ts";
import { deviceName, deviceState } from "../words/deployment.ts";
import { byName } from "../words/machine.ts";
import { timeText } from "../../quantities.ts";
import { CollectionDetail } from "./collection-detail.tsx";
import { DeviceDetail } from "./device-detail.tsx";
import { Collections, type Known } from "./collections.tsx";
import { ImportDevices } from "./import-devices.tsx";

async function load(): Promise<Known> {
  const [devices, collections] = await Promise.all([
    list<DeviceRecord>("/devices"),
    list<CollectionRecord>("/collections"),
  ]);
  devices.sort((one, other) => byName(deviceName(one), deviceName(other)));
  return { devices, collections };
}

export function DevicesView() {
  const { act, value } = useResource(load, { revision: devicesRevision });
  const id = detailOf("/devices");
  if (value === null) return <p class="empty">…</p>;
  if (id !== null) return <Detail key={id} id={id} known={value} act={act} />;
  return (
    <>
      <Section title="Devices">
        <Devices devices={value.devices} act={act} />
        {mayOperate.value ? (
          <>
            <AddDevice act={act} />
            <ImportDevices act={act} />
          </>
        ) : null}
      </Section>
      {mayOperate.value ? (
        <Section title="Enrolment">
          <NewCredential />
        </Section>
      ) : null}
      <Section title="Collections">
        <Collections known={value} act={act} />
      </Section>
    </>
  );
}

type Act = Resource<unknown>["act"];

/** Identifiers are of one kind, so one address serves devices and collections. */
function Detail({ act, id, known }: { id: string; known: Known; act: Act }) {
  const device = known.devices.find((one) => one.id === id);
  const collection = known.collections.find((one) => one.id === id);
  return (
    <>
      <p class="back">
        <a href="/devices">All devices and collections</a>
      </p>
      {device === undefined ? null : <DeviceDetail device={device} />}
      {collection === undefined ? null : <CollectionDetail collection={collection} known={known} act={act} />}
      {device === undefined && collection === undefined ? (
        <p class="empty">The site knows no such device or collection.</p>
      ) : null}
    </>
  );
}

function Devices({ act, devices }: { devices: DeviceRecord[]; act: Act }) {
  const guard = useGuard(act);
  const approve = (device: DeviceRecord): Promise<void> => {
    const name = deviceName(device);
    const told = (): string => `${name} is approved.`;
    const change = { path: `/devices/${device.id}/state`, body: { state: "approved" }, told };
    return act(() => guard.make({ ...change, action: `Approve ${name} all the same` }));
  };
  return (
    <>
      {guard.view}
      <Table
        label="Devices"
        id="devices"
        head={["Name", "State", "Model", "UUID", "MAC", "Last seen (UTC)", ""]}
        empty="None is known yet."
      >
        {devices.map((device) => (
          <tr key={device.id} data-state={device.state}>
            <td>
              <a href={`/devices/${device.id}`}>{deviceName(device)}</a>
            </td>
            <td class="state">{deviceState(device)}</td>
            <td>{device.facts?.model ?? ""}</td>
            <td class="code">{device.uuid ?? ""}</td>
            <td class="code">{device.mac ?? ""}</td>
            <td>
              <LastSeen device={device} />
            </td>
            <td class="actions">
              {mayOperate.value ? <DeviceActions device={device} act={act} onApprove={approve} /> : null}
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}

/** Follows the events by itself, so that its row is left alone. */
function LastSeen({ device: { lastSeen, machineId } }: { device: DeviceRecord }) {
  const heard = machineId === null ? "" : seenSignal(machineId).value;
  const last = heard || lastSeen;
  return <>{last === null ? "" : timeText(last)}</>;
}

interface DeviceActionsProps {
  device: DeviceRecord;
  act: Act;
  onApprove: (device: DeviceRecord) => Promise<void>;
}

function DeviceActions({ act, device, onApprove }: DeviceActionsProps) {
  const name = deviceName(device);
  const refuse = (): Promise<void> =>
    act(() => ask("POST", `/devices/${device.id}/state`, { state: "refused" }));
  const hasMac = device.mac !== null || (device.facts?.macAddresses.length ?? 0) > 0;
  return (
    <>
      {device.state === "approved" ? null : (
        <Action label={`Approve ${name}`} onAct={() => onApprove(device)}>
          Approve
        </Action>
      )}
      {device.state === "refused" ? null : (
        <Action label={`Refuse ${name}`} onAct={refuse}>
          Refuse
        </Action>
      )}
      {hasMac ? (
        <Action
          label={`Wake ${name}`}
          onAct={() => act(() => wake("/devices/wake", { devices: [device.id] }))}
        >
          Wake
        </Action>
      ) : null}
      {device.machineId === null ? (
        <Action label={`Forget ${name}`} onAct={() => act(() => ask("DELETE", `/devices/${device.id}`))}>
          Forget
        </Action>
      ) : null}
    </>
  );
}

/** What machines enrol with: it is for the boot media, or typed where an agent is started by hand. */
function NewCredential() {
  const make = async ({ isOn, text }: Filled): Promise<string> => {
    const { credential, expires } = await ask<CredentialAnswer>("POST", "/credentials", {
      uses: Number(text("uses")),
      validHours: Number(text("hours")),
      approves: isOn("approves"),
    });
    return `The credential is ${credential}, valid until ${timeText(expires)} UTC; it is shown this once.`;
  };
  return (
    <Form keep onSend={make} class="fields">
      <Field label="Machines">
        <input name="uses" type="number" min={1} max={100_000} defaultValue="30" required />
      </Field>
      <Field label="Hours">
        <input name="hours" type="number" min={0.01} max={8760} step="any" defaultValue="8" required />
      </Field>
      <Tick name="approves" label="Who enrols with it is approved" defaultChecked />
      <button type="submit">Make credential</button>
    </Form>
  );
}

/** Known before it boots for the first time. */
function AddDevice({ act }: { act: Act }) {
  const guard = useGuard(act);
  const add = ({ text }: Filled): Promise<string | undefined> => {
    const [name, uuid, mac] = [text("name"), text("uuid"), text("mac")];
    const body = { name, uuid: uuid || null, mac: mac || null };
    const told = (): string => `Computer ${name} is known.`;
    return guard.make({ path: "/devices", body, action: `Add ${name} all the same`, told });
  };
  return (
    <>
      <Form act={act} onSend={add} class="fields" label="Add a device">
        <Field label="Computer's name">
          <input name="name" required maxLength={100} />
        </Field>
        <Field label="SMBIOS UUID">
          <input name="uuid" placeholder="8-4-4-4-12 in hex" />
        </Field>
        <Field label="MAC address">
          <input name="mac" placeholder="52:54:00:12:34:56" />
        </Field>
        <button type="submit">Add device</button>
      </Form>
      {guard.view}
    </>
  );
}
