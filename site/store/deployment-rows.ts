/** A deployment as a row of its table, and back. */
import type { Insertable, Selectable } from "kysely";
import type { DeploymentRecord } from "../../contract/administration.ts";
import type { SequenceVariable } from "../../contract/sequence.ts";
import type { DeploymentTable } from "./schema.ts";

/** Without the machines and child sequences that it names: those are rows of other tables. */
export function deploymentRow(
  record: DeploymentRecord,
  variables: readonly SequenceVariable[],
): Insertable<DeploymentTable> {
  return {
    id: record.id,
    name: record.name,
    image_id: record.imageId,
    sequence_id: record.sequenceId,
    sequence_latest: record.sequenceVersion === "latest",
    packages: record.packages === "all" ? null : JSON.stringify(record.packages),
    variables: JSON.stringify(variables),
    all_machines: record.machines === "all",
    disk: JSON.stringify(record.disk),
    unattended: record.unattended,
    purpose: record.purpose,
    multicast: record.multicast,
    multicast_only: record.multicastOnly,
    rate_mbps: record.rateMbps,
    slow_clients: JSON.stringify(record.slowClients),
    open: record.open,
    created: record.created,
    created_by: record.createdBy,
    collection_id: record.collectionId ?? null,
    starts: record.starts ?? null,
    expires: record.expires ?? null,
    subnets: JSON.stringify(record.subnets ?? []),
    wake: record.wake ?? false,
  };
}

/** `named`, `children`: rows of any deployments. */
export function deploymentRecord(
  row: Selectable<DeploymentTable>,
  named: { deployment_id: string; machine_id: string }[],
  children: { deployment_id: string; sequence_id: string }[],
): DeploymentRecord {
  const machines = named.filter((pair) => pair.deployment_id === row.id).map((pair) => pair.machine_id);
  return {
    id: row.id,
    name: row.name,
    imageId: row.image_id,
    sequenceId: row.sequence_id,
    sequenceVersion: row.sequence_latest ? "latest" : "held",
    children: children.filter((pair) => pair.deployment_id === row.id).map((pair) => pair.sequence_id),
    packages: row.packages ?? "all",
    machines: row.all_machines ? "all" : machines,
    disk: row.disk,
    unattended: row.unattended,
    purpose: row.purpose,
    multicast: row.multicast,
    multicastOnly: row.multicast_only,
    rateMbps: row.rate_mbps,
    slowClients: row.slow_clients ?? { policy: "none" },
    created: row.created,
    createdBy: row.created_by,
    open: row.open,
    collectionId: row.collection_id,
    starts: row.starts,
    expires: row.expires,
    subnets: row.subnets,
    wake: row.wake,
    woken: row.woken,
  };
}
