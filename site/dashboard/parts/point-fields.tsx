/** The properties of a distribution point as fields: this site's own, or those of one in another building. */
import { useState } from "preact/hooks";
import type { DistributionPoint } from "../../../contract/distribution-point.ts";
import { Field, Tick, type Filled } from "./form.tsx";

export function PointFields({ point }: { point: DistributionPoint }) {
  return (
    <>
      <fieldset class="fields">
        <legend>How it casts</legend>
        <Casting point={point} />
      </fieldset>
      <fieldset class="fields">
        <legend>When a session starts</legend>
        <Scheduling point={point} />
      </fieldset>
      <fieldset class="fields">
        <legend>Slow machines</legend>
        <SlowClients point={point} />
      </fieldset>
    </>
  );
}

/** As the site takes it. */
export function propertiesOf({ isOn, text }: Filled): object {
  const policy = text("policy");
  const number = (name: string): number => Number(text(name));
  return {
    multicast: isOn("multicast"),
    encrypt: isOn("encrypt"),
    scheduled: isOn("scheduled"),
    groupRange: text("groupRange"),
    portRange: text("portRange"),
    maximumClients: number("maximumClients"),
    rateMbps: number("rateMbps"),
    startDelayMinutes: number("startDelayMinutes"),
    minimumClients: number("minimumClients"),
    slowClients: {
      policy,
      ...(policy === "disconnect" && { leastMbps: number("leastMbps") }),
      ...(policy === "multistream" && { streams: number("streams") }),
    },
  };
}

function Casting({ point }: { point: DistributionPoint }) {
  return (
    <>
      <Tick name="multicast" label="Multicast" defaultChecked={point.multicast} />
      <Tick name="encrypt" label="Encrypt every session" defaultChecked={point.encrypt} />
      <Field label="Multicast groups">
        <input name="groupRange" defaultValue={point.groupRange} required />
      </Field>
      <Field label="Ports">
        <input name="portRange" defaultValue={point.portRange} required />
      </Field>
      <Field label="Maximum clients (0: no limit)">
        <input
          name="maximumClients"
          type="number"
          min={0}
          defaultValue={String(point.maximumClients)}
          required
        />
      </Field>
      <Field label="Transfer rate, Mbit/s (0: any)">
        <input
          name="rateMbps"
          type="number"
          min={0}
          step="any"
          defaultValue={String(point.rateMbps)}
          required
        />
      </Field>
    </>
  );
}

function Scheduling({ point }: { point: DistributionPoint }) {
  const { minimumClients, scheduled, startDelayMinutes } = point;
  return (
    <>
      <Tick name="scheduled" label="Scheduled multicast" defaultChecked={scheduled} />
      <Field label="Session start delay, minutes">
        <input
          name="startDelayMinutes"
          type="number"
          min={1}
          defaultValue={String(startDelayMinutes)}
          required
        />
      </Field>
      <Field label="Minimum session size, clients">
        <input name="minimumClients" type="number" min={1} defaultValue={String(minimumClients)} required />
      </Field>
    </>
  );
}

function SlowClients({ point: { slowClients } }: { point: DistributionPoint }) {
  const [policy, setPolicy] = useState<string>(slowClients.policy);
  const leastMbps = slowClients.policy === "disconnect" ? String(slowClients.leastMbps) : "";
  const streams = slowClients.policy === "multistream" ? String(slowClients.streams) : "2";
  return (
    <>
      <Field label="What becomes of them">
        <select name="policy" value={policy} onChange={(event) => setPolicy(event.currentTarget.value)}>
          <option value="none">stay</option>
          <option value="disconnect">go to unicast</option>
          <option value="multistream">get streams of their own</option>
        </select>
      </Field>
      {policy === "disconnect" ? (
        <Field label="Slow is below, Mbit/s">
          <input name="leastMbps" type="number" min={0.1} step="any" defaultValue={leastMbps} required />
        </Field>
      ) : null}
      {policy === "multistream" ? (
        <Field label="Streams">
          <input name="streams" type="number" min={2} max={3} defaultValue={streams} required />
        </Field>
      ) : null}
    </>
  );
}
