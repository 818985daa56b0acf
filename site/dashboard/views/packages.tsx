/** Packages: what steps of task sequences refer to, the drivers in them, and a new one. */
import { useState } from "preact/hooks";
import type { ImageRecord } from "../../../contract/administration.ts";
import type { DriverRecord, PackageRecord } from "../../../contract/sequence.ts";
import { Action } from "../parts/form.tsx";
import { MulticastChoice } from "../parts/multicast-choice.tsx";
import { Question } from "../parts/question.tsx";
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { list, useResource, type Resource } from "../state/resource.ts";
import { images } from "../state/room.ts";
import { ask, mayAdminister } from "../state/site.ts";
import { bytesText, timeText } from "../../quantities.ts";
import { packageKindText, sentText } from "../words/content.ts";
import { AddPackage } from "./add-package.tsx";
import { DriverCatalogue } from "./driver-catalogue.tsx";

interface Known {
  packages: PackageRecord[];
  drivers: DriverRecord[];
}

async function load(): Promise<Known> {
  const [packages, drivers] = await Promise.all([
    list<PackageRecord>("/packages"),
    list<DriverRecord>("/drivers"),
  ]);
  return { packages, drivers };
}

/** What is to be cast is prepared in the background. */
const lookMs = 5000;

export function PackagesView() {
  const { act, value } = useResource(load, { everyMs: lookMs });
  if (value === null) return <p class="empty">…</p>;
  return (
    <>
      <Section title="Packages">
        <Packages packages={value.packages} act={act} />
      </Section>
      {mayAdminister.value ? (
        <Section title="Add a package">
          <AddPackage act={act} />
        </Section>
      ) : null}
      <Section title="Driver catalogue">
        <DriverCatalogue drivers={value.drivers} />
      </Section>
    </>
  );
}

type Act = Resource<unknown>["act"];

function Packages({ act, packages }: { packages: readonly PackageRecord[]; act: Act }) {
  const [leaving, setLeaving] = useState<PackageRecord | null>(null);
  return (
    <>
      <Table
        label="Packages"
        id="packages"
        head={["Identifier", "Name", "What it is", "Size", "Sent by", "Added (UTC)", ""]}
        empty="There is none yet. Task sequences name them: PS100012."
      >
        {packages.map((one) => (
          <tr key={one.packageId}>
            <td class="code">{one.packageId}</td>
            <td>{one.name}</td>
            <td>{packageKindText(one, imageOf(one)?.name)}</td>
            <td>{bytesText(one.bytes)}</td>
            <td>
              <SentBy one={one} act={act} />
            </td>
            <td>{timeText(one.added)}</td>
            <td class="actions">
              {mayAdminister.value ? (
                <PackageActions one={one} act={act} onRemove={() => setLeaving(one)} />
              ) : null}
            </td>
          </tr>
        ))}
      </Table>
      {leaving === null ? null : <Removal one={leaving} act={act} onClose={() => setLeaving(null)} />}
    </>
  );
}

function imageOf({ imageId, kind }: PackageRecord): ImageRecord | undefined {
  return kind === "image" ? images.value.find(({ id }) => id === imageId) : undefined;
}

const addressOf = ({ packageId }: PackageRecord): string => `/packages/${encodeURIComponent(packageId)}`;

/** An image says itself how it is sent. */
function SentBy({ act, one }: { one: PackageRecord; act: Act }) {
  const image = imageOf(one);
  if (one.kind === "image") return <>{image === undefined ? "" : sentText(image)}</>;
  if (!mayAdminister.value) return <>{sentText(one)}</>;
  const choose = (multicast: PackageRecord["multicast"]): Promise<void> =>
    act(async () => {
      const now = await ask<PackageRecord>("POST", `${addressOf(one)}/multicast`, { multicast });
      return `Package ${one.packageId} is sent by ${sentText(now)}, in sessions from now on.`;
    });
  const isPrepared = one.multicast === "no" || one.imageId !== null;
  return (
    <>
      <MulticastChoice label={`How ${one.packageId} is sent`} use={one.multicast} onChoose={choose} />
      {isPrepared ? null : <span class="hint"> being prepared</span>}
    </>
  );
}

interface PackageActionsProps {
  one: PackageRecord;
  act: Act;
  onRemove: () => void;
}

function PackageActions({ act, one, onRemove }: PackageActionsProps) {
  const { encrypt, kind, packageId, shared } = one;
  const changeEncryption = async (): Promise<string> => {
    await ask("POST", `${addressOf(one)}/encryption`, { encrypt: !encrypt });
    return `Package ${packageId} is cast ${encrypt ? "without encryption" : "encrypted"}, in sessions from now on.`;
  };
  const share = async (): Promise<string> => {
    await ask("POST", `${addressOf(one)}/shared`, { shared: !shared });
    return `Package ${packageId} is for ${shared ? "deployments alone" : "every enrolled machine"}.`;
  };
  const encryption = encrypt ? "Do not encrypt" : "Encrypt";
  const sharing = shared ? "Stop sharing" : "Share";
  return (
    <>
      {kind === "image" ? null : (
        <Action label={`${encryption} ${packageId}`} onAct={() => act(changeEncryption)}>
          {encryption}
        </Action>
      )}
      <Action label={`${sharing} ${packageId}`} onAct={() => act(share)}>
        {sharing}
      </Action>
      <Action label={`Remove ${packageId}`} onAct={onRemove}>
        Remove
      </Action>
    </>
  );
}

interface RemovalProps {
  one: PackageRecord;
  act: Act;
  onClose: () => void;
}

function Removal({ act, onClose, one }: RemovalProps) {
  const remove = (): Promise<void> =>
    act(async () => {
      await ask("DELETE", addressOf(one));
      return `Package ${one.packageId} is removed.`;
    });
  const left =
    one.kind === "image"
      ? "The image that it stands for stays."
      : `${bytesText(one.bytes)} at the site are freed.`;
  return (
    <Question title={`Remove package ${one.packageId}?`} action="Remove it" onDo={remove} onClose={onClose}>
      <p>{`Steps of task sequences that name ${one.packageId} fail without it. ${left}`}</p>
    </Question>
  );
}
