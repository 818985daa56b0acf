/** Distribution points in other buildings, administered: a new one, its place and properties, what is copied to it. */
import { useState } from "preact/hooks";
import type { PointCredential, PointRecord } from "../../../contract/point.ts";
import type { PackageRecord } from "../../../contract/sequence.ts";
import { Action, Choices, Field, Form, Tick, type Filled } from "../parts/form.tsx";
import { PointFields, propertiesOf } from "../parts/point-fields.tsx";
import { Question } from "../parts/question.tsx";
import { images } from "../state/room.ts";
import { ask, saying } from "../state/site.ts";
import { timeText } from "../../quantities.ts";
import { listOf } from "../words/pxe.ts";

/** What `volley dp run` there is started with. */
function credentialText({ credential, expires, point: { name } }: PointCredential): string {
  return `${name} enrols with ${credential}, valid until ${timeText(expires)} UTC; it is shown this once.`;
}

export function NewPoint() {
  const add = async (filled: Filled): Promise<string> => {
    const [name, address] = [filled.text("name"), filled.text("address")];
    return credentialText(
      await ask<PointCredential>("POST", "/points", { name, address, ...placeOf(filled) }),
    );
  };
  return (
    <Form onSend={add} class="fields" label="A new distribution point">
      <Field label="Name of the building">
        <input name="name" required maxLength={100} pattern="[^\s\/]+" placeholder="annex" />
      </Field>
      <Field label="Its own address">
        <input name="address" required placeholder="10.2.0.5" />
      </Field>
      <PlaceFields />
      <button type="submit">Add distribution point</button>
    </Form>
  );
}

function placeOf({ isOn, text }: Filled): object {
  const [from, to] = text("hours").split("-").map(Number);
  return {
    boundaries: listOf(text("boundaries")),
    allImages: isOn("allImages"),
    allPackages: isOn("allPackages"),
    replication: {
      rateMbps: Number(text("copyRate")),
      hours: text("hours") === "" ? null : { from, to },
    },
  };
}

function PlaceFields({ point }: { point?: PointRecord }) {
  const hours = point?.replication.hours ?? null;
  return (
    <>
      <Field label="Its machines' subnets">
        <input
          name="boundaries"
          required
          defaultValue={point?.boundaries.join(", ") ?? ""}
          placeholder="10.2.0.0/16"
        />
      </Field>
      <Field label="Copying rate, Mbit/s (0: any)">
        <input
          name="copyRate"
          type="number"
          min={0}
          step="any"
          required
          defaultValue={String(point?.replication.rateMbps ?? 0)}
        />
      </Field>
      <Field label="Copying hours there (none: any)">
        <input
          name="hours"
          pattern="\d{1,2}-\d{1,2}"
          defaultValue={hours === null ? "" : `${hours.from}-${hours.to}`}
          placeholder="20-6"
        />
      </Field>
      <Tick name="allImages" label="Every image comes to it" defaultChecked={point?.allImages ?? false} />
      <Tick
        name="allPackages"
        label="Every package that is cast comes to it"
        defaultChecked={point?.allPackages ?? false}
      />
    </>
  );
}

export function CopyImage({ point }: { point: PointRecord }) {
  const others = images.value.filter(({ id }) => !point.images.includes(id));
  return <CopyForm point={point} kind="Image" path="/images" others={others} />;
}

interface CopyPackageProps {
  point: PointRecord;
  packages: readonly PackageRecord[];
}

export function CopyPackage({ packages, point }: CopyPackageProps) {
  const isThere = (id: string): boolean => point.packages.some(({ packageId }) => packageId === id);
  const others = packages
    .filter(({ multicast, packageId }) => multicast !== "no" && !isThere(packageId))
    .map(({ name, packageId }) => ({ id: packageId, name: `${packageId} ${name}` }));
  return <CopyForm point={point} kind="Package" path="/packages" others={others} />;
}

interface CopyFormProps {
  point: PointRecord;
  kind: "Image" | "Package";
  path: string;
  others: readonly { id: string; name: string }[];
}

function CopyForm({ kind, others, path, point }: CopyFormProps) {
  if (others.length === 0) return null;
  const copy = async ({ text }: Filled): Promise<string> => {
    await ask("POST", `${path}/${encodeURIComponent(text("content"))}/points`, { add: [point.id] });
    return `It is copied to ${point.name}.`;
  };
  return (
    <Form onSend={copy} class="fields" label={`${kind} for ${point.name}`}>
      <Field label={`${kind} for ${point.name}`}>
        <select name="content" required>
          <Choices of={others} />
        </select>
      </Field>
      <button type="submit">{`Copy ${kind.toLowerCase()} there`}</button>
    </Form>
  );
}

/** Folded away: a building is looked at each day, and changed once a year. */
export function PointAdministration({ point }: { point: PointRecord }) {
  const { id, name } = point;
  const [isLeaving, setLeaving] = useState(false);
  const save = async (filled: Filled): Promise<string> => {
    await ask("POST", `/points/${id}`, { ...placeOf(filled), properties: propertiesOf(filled) });
    return `${name} is changed. Its properties count for sessions that start from now on.`;
  };
  const renew = (): Promise<void> =>
    saying(async () => credentialText(await ask<PointCredential>("POST", `/points/${id}/credential`, {})));
  const remove = (): Promise<void> =>
    saying(async () => {
      await ask("DELETE", `/points/${id}`);
      return `Distribution point ${name} is removed.`;
    });
  return (
    <details class="administration">
      <summary>{`Change ${name}`}</summary>
      {/* What others saved is shown; what only comes and goes there leaves the fields alone. */}
      <Form
        key={JSON.stringify([
          point.boundaries,
          point.allImages,
          point.allPackages,
          point.replication,
          point.properties,
        ])}
        keep
        onSend={save}
        label={`Properties of ${name}`}
      >
        <fieldset class="fields">
          <legend>Where it is</legend>
          <PlaceFields point={point} />
        </fieldset>
        <PointFields point={point.properties} />
        <button type="submit">{`Save ${name}`}</button>
      </Form>
      <p>
        <Action label={`New credential for ${name}`} onAct={renew}>
          New credential
        </Action>
        <Action label={`Remove ${name}`} onAct={() => setLeaving(true)}>
          Remove
        </Action>
      </p>
      {isLeaving ? (
        <Question
          title={`Remove distribution point ${name}?`}
          action="Remove it"
          onDo={remove}
          onClose={() => setLeaving(false)}
        >
          <p>Its key opens nothing any more, and its machines are served by the site itself.</p>
        </Question>
      ) : null}
    </details>
  );
}
