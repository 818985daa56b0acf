/** Deployments: what is deployed to whom, and a new one, which says what it will do before it does. */
import { useState } from "preact/hooks";
import type { DeploymentRecord, ListedDeployment } from "../../../contract/administration.ts";
import type { CollectionRecord } from "../../../contract/devices.ts";
import type { PackageRecord, SequenceRecord } from "../../../contract/sequence.ts";
import type { DeploymentWake } from "../../../contract/wake.ts";
import { Action } from "../parts/form.tsx";
import { Section } from "../parts/section.tsx";
import { Table } from "../parts/table.tsx";
import { detailOf } from "../state/location.ts";
import { list, useResource, type Resource } from "../state/resource.ts";
import { images } from "../state/room.ts";
import { ask, mayOperate } from "../state/site.ts";
import { countsText, wokenText, whenText } from "../words/deployment.ts";
import { ClearDeployment } from "./clear-deployment.tsx";
import { DeploymentDetail } from "./deployment-detail.tsx";
import { EndDeployment, type Ending } from "./end-deployment.tsx";
import { NewDeployment } from "./new-deployment.tsx";
import { countText } from "../../quantities.ts";

interface Deployable {
  deployments: ListedDeployment[];
  collections: CollectionRecord[];
  sequences: SequenceRecord[];
  packages: PackageRecord[];
  /** By deployment that has woken its machines: who was not seen since. */
  unseen: Map<string, DeploymentWake["unseen"]>;
}

async function load(): Promise<Deployable> {
  const [deployments, collections, sequences, packages] = await Promise.all([
    list<ListedDeployment>("/deployments"),
    list<CollectionRecord>("/collections"),
    list<SequenceRecord>("/sequences"),
    list<PackageRecord>("/packages"),
  ]);
  const woken = deployments.filter((one) => one.open && one.woken);
  const unseen = await Promise.all(
    woken.map(async ({ id }) => {
      const answer = await ask<DeploymentWake>("GET", `/deployments/${id}/wake`);
      return [id, answer.unseen] as const;
    }),
  );
  return { deployments, collections, sequences, packages, unseen: new Map(unseen) };
}

const lookMs = 5000;

export function DeploymentsView() {
  const id = detailOf("/deployments");
  return id === null ? <AllDeployments /> : <DeploymentDetail key={id} id={id} />;
}

function AllDeployments() {
  const known = useResource(load, { everyMs: lookMs });
  if (known.value === null) return <p class="empty">…</p>;
  return (
    <>
      <Section title="Deployments">
        <Deployments known={known} value={known.value} />
      </Section>
      {mayOperate.value ? (
        <Section title="New deployment">
          <NewDeployment known={known.value} act={known.act} />
        </Section>
      ) : null}
    </>
  );
}

function Deployments({ known, value }: { known: Resource<Deployable>; value: Deployable }) {
  const [cleared, setCleared] = useState<DeploymentRecord | null>(null);
  const [ending, setEnding] = useState<Ending | null>(null);
  const nameOf = (all: readonly { id: string; name: string }[], id: string | null | undefined): string =>
    all.find((one) => one.id === id)?.name ?? "";
  const toWhom = ({ collectionId, machines }: DeploymentRecord): string => {
    if (collectionId) return nameOf(value.collections, collectionId);
    return machines === "all" ? "all machines" : countText(machines.length, "machine");
  };
  return (
    <>
      <Table
        label="Deployments"
        id="deployments"
        head={["Name", "What", "To", "When (UTC)", "State", "Machines", ""]}
        empty="There is none yet."
      >
        {value.deployments.map((one) => (
          <tr key={one.id}>
            <td>
              <a href={`/deployments/${one.id}`}>{one.name}</a>
            </td>
            <td>{nameOf(images.value, one.imageId) || nameOf(value.sequences, one.sequenceId)}</td>
            <td>{toWhom(one)}</td>
            <td>{whenText(one)}</td>
            <td>
              {[
                `${one.purpose}, ${one.open ? "open" : "closed"}`,
                wokenText(one, value.unseen.get(one.id) ?? []),
              ]
                .filter((text) => text !== "")
                .join("; ")}
            </td>
            <td>{countsText(one.counts)}</td>
            <td class="actions">
              {mayOperate.value ? (
                <DeploymentActions one={one} onClear={() => setCleared(one)} onEnd={setEnding} />
              ) : null}
            </td>
          </tr>
        ))}
      </Table>
      {cleared === null ? null : (
        <ClearDeployment key={cleared.id} one={cleared} act={known.act} onClose={() => setCleared(null)} />
      )}
      {ending === null ? null : (
        <EndDeployment ending={ending} act={known.act} onClose={() => setEnding(null)} />
      )}
    </>
  );
}

interface DeploymentActionsProps {
  one: DeploymentRecord;
  onClear: () => void;
  onEnd: (ending: Ending) => void;
}

function DeploymentActions({ onClear, onEnd, one }: DeploymentActionsProps) {
  return (
    <>
      {one.open ? (
        <Action label={`Do ${one.name} once more`} onAct={onClear}>
          Once more
        </Action>
      ) : null}
      {one.open ? (
        <Action label={`Close ${one.name}`} onAct={() => onEnd({ one, how: "close" })}>
          Close
        </Action>
      ) : null}
      <Action label={`Remove ${one.name}`} onAct={() => onEnd({ one, how: "remove" })}>
        Remove
      </Action>
    </>
  );
}
