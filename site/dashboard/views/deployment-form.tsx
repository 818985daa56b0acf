/** What a new deployment is: what goes where and when, and how it is sent. */
import { useState } from "preact/hooks";
import type { CollectionRecord } from "../../../contract/devices.ts";
import type { PackageRecord, SequenceRecord } from "../../../contract/sequence.ts";
import { DiskFields, diskRuleOf } from "../parts/disk-fields.tsx";
import { Choices, Field, Form, Tick, type Filled } from "../parts/form.tsx";
import { images, roster } from "../state/room.ts";
import { pairsOf } from "../words/pairs.ts";

/** As DeploymentRequest of the contract, which the site checks. */
export type DeploymentWish = Record<string, unknown> & { name: string };

export function requestOf(filled: Filled): DeploymentWish {
  const { isOn, text } = filled;
  const [kind = "imageId", id] = text("what").split(" ");
  const iso = (time: string): string | null => (time === "" ? null : new Date(time).toISOString());
  const subnets = text("subnets").split(",");
  return {
    name: text("name"),
    [kind]: id,
    ...(text("applied") !== "" && { imageId: text("applied") }),
    ...(isOn("latest") && { sequenceVersion: "latest" }),
    ...(kind === "sequenceId" && sequenceParts(filled)),
    ...whomOf(filled),
    disk: diskRuleOf(filled),
    purpose: text("purpose"),
    unattended: isOn("unattended"),
    wake: isOn("wake"),
    starts: iso(text("starts")),
    expires: iso(text("expires")),
    subnets: subnets.map((one) => one.trim()).filter((one) => one !== ""),
    ...castingOf(filled),
  };
}

function whomOf({ data, text }: Filled): object {
  const to = text("to");
  if (to === "all") return { machines: to };
  return to === "named" ? { machines: data.getAll("machines") } : { collectionId: to };
}

/** What its task sequence finds set, what it may run as its children, and what its machines may fetch for it. */
function sequenceParts({ data, text }: Filled): object {
  const packages = data.getAll("packages");
  const shown = pairsOf(text("variables")).map((one) => ({ ...one, hidden: false }));
  const hidden = pairsOf(text("secrets")).map((one) => ({ ...one, hidden: true }));
  return {
    variables: [...shown, ...hidden],
    children: data.getAll("children"),
    ...(packages.length > 0 && { packages }),
  };
}

function castingOf({ text }: Filled): object {
  const [rate, policy, way] = [text("rateMbps"), text("policy"), text("way")];
  const slowClients = {
    policy,
    ...(policy === "disconnect" && { leastMbps: Number(text("leastMbps")) }),
    ...(policy === "multistream" && { streams: Number(text("streams")) }),
  };
  return {
    multicast: way !== "no",
    multicastOnly: way === "only",
    ...(rate !== "" && { rateMbps: Number(rate) }),
    // Left out, the distribution point's own rule counts.
    ...(policy !== "" && { slowClients }),
  };
}

/** Beside the images: what there is to deploy, and to whom. */
export interface DeploymentChoices {
  collections: CollectionRecord[];
  sequences: SequenceRecord[];
  packages: PackageRecord[];
}

interface DeploymentFormProps {
  known: DeploymentChoices;
  onSend: (filled: Filled) => Promise<void>;
}

export function DeploymentForm({ known, onSend }: DeploymentFormProps) {
  return (
    <Form keep onSend={onSend} class="fields" label="New deployment">
      <Field label="Deployment">
        <input name="name" required maxLength={100} />
      </Field>
      <What known={known} />
      <To collections={known.collections} />
      <Field label="Kind">
        <select name="purpose">
          <option>available</option>
          <option>required</option>
        </select>
      </Field>
      <Field label="Starts (your own time)">
        <input name="starts" type="datetime-local" />
      </Field>
      <Field label="Expires (your own time)">
        <input name="expires" type="datetime-local" />
      </Field>
      <Field label="Boundary">
        <input name="subnets" placeholder="10.1.0.0/16, 10.2.0.0/16" />
      </Field>
      <Casting />
      <Tick name="unattended" label="Nobody is asked" />
      <Tick name="wake" label="Switch them on (Wake-on-LAN)" />
      <button type="submit">Show what will happen</button>
    </Form>
  );
}

function To({ collections }: Pick<DeploymentChoices, "collections">) {
  const [to, setTo] = useState("");
  return (
    <>
      <Field label="To">
        <select name="to" required onChange={(event) => setTo(event.currentTarget.value)}>
          {collections.map(({ id, members, name }) => (
            <option key={id} value={id}>{`${name} (${members.length})`}</option>
          ))}
          <option value="all">all machines</option>
          <option value="named">machines by name</option>
        </select>
      </Field>
      {to === "named" ? (
        <Field label="Which machines">
          <select name="machines" multiple size={4} required>
            <Choices of={roster.value} />
          </select>
        </Field>
      ) : null}
    </>
  );
}

function What({ known: { packages, sequences } }: { known: DeploymentChoices }) {
  const [what, setWhat] = useState("");
  const first =
    images.value[0] === undefined ? `sequenceId ${sequences[0]?.id}` : `imageId ${images.value[0].id}`;
  const isSequence = (what || first).startsWith("sequenceId");
  return (
    <>
      <Field label="What">
        <select name="what" required onChange={(event) => setWhat(event.currentTarget.value)}>
          {images.value.map(({ id, name }) => (
            <option key={id} value={`imageId ${id}`}>{`image ${name}`}</option>
          ))}
          {sequences.map(({ id, name }) => (
            <option key={id} value={`sequenceId ${id}`}>{`task sequence ${name}`}</option>
          ))}
        </select>
      </Field>
      {isSequence ? (
        <>
          <Field label="Image for its steps">
            <select name="applied">
              <option value="">as its packages say</option>
              <Choices of={images.value} />
            </select>
          </Field>
          <Field label="Sequences that it runs">
            <select name="children" multiple size={2}>
              <Choices of={sequences} />
            </select>
          </Field>
          <Field label="Packages that it may fetch (none: all)">
            <select name="packages" multiple size={2}>
              <Choices of={packages.map(({ name, packageId: id }) => ({ id, name: `${id} ${name}` }))} />
            </select>
          </Field>
          <Field label="Variables">
            <textarea name="variables" rows={2} placeholder="NAME=VALUE, a line each" />
          </Field>
          <Field label="Secret variables">
            <textarea name="secrets" rows={2} placeholder="NAME=VALUE, for its machines alone" />
          </Field>
          <Tick name="latest" label="Take each new version of it" />
        </>
      ) : null}
      <DiskFields canFit={!isSequence} />
    </>
  );
}

function Casting() {
  const [way, setWay] = useState("allowed");
  const [policy, setPolicy] = useState("");
  return (
    <>
      <Field label="Sent by">
        <select name="way" value={way} onChange={(event) => setWay(event.currentTarget.value)}>
          <option value="allowed">multicast, unicast for the rest</option>
          <option value="only">multicast only</option>
          <option value="no">unicast only</option>
        </select>
      </Field>
      <Field label="Rate, Mbit/s">
        <input name="rateMbps" type="number" min={0} step="any" placeholder="as most machines take" />
      </Field>
      <Field label="Slow machines">
        <select name="policy" value={policy} onChange={(event) => setPolicy(event.currentTarget.value)}>
          <option value="">as the distribution point has it</option>
          <option value="none">stay</option>
          <option value="disconnect">go to unicast</option>
          {way === "no" ? null : <option value="multistream">get streams of their own</option>}
        </select>
      </Field>
      {policy === "disconnect" ? (
        <Field label="Slow is below, Mbit/s">
          <input name="leastMbps" type="number" min={0.1} step="any" required />
        </Field>
      ) : null}
      {policy === "multistream" && way !== "no" ? (
        <Field label="Streams">
          <input name="streams" type="number" min={2} max={3} defaultValue="2" required />
        </Field>
      ) : null}
    </>
  );
}
