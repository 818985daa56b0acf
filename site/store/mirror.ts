/**
 * What a distribution point keeps of its site's deployments and machines, so that its sessions outlive it as those of a site
 * do: rows of the same tables, made of the tickets that machines show.
 */
import type { DeploymentRecord } from "../../contract/administration.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import type { Ticket } from "../../contract/point.ts";
import type { Database } from "./schema.ts";
import { DeploymentStore } from "./deployments.ts";

/** How many machines a deployment is for is what tickets say: here only those are known that came. */
export class MirroredDeployments extends DeploymentStore {
  readonly #machines = new Map<string, number>();

  note(deploymentId: string, machines: number): void {
    this.#machines.set(deploymentId, machines);
  }

  override async machineCount(deployment: DeploymentRecord): Promise<number> {
    return this.#machines.get(deployment.id) ?? (await super.machineCount(deployment));
  }
}

export class Mirror {
  readonly #database: Database;
  readonly #deployments: MirroredDeployments;
  constructor(database: Database, deployments: MirroredDeployments) {
    this.#database = database;
    this.#deployments = deployments;
  }

  /** The deployment as the ticket has it; one that the site has closed stays closed. */
  async take(ticket: Ticket): Promise<DeploymentRecord> {
    const { deployment, machineId, machineName, machines } = ticket;
    const facts: MachineFacts = { ...unknownMachine, name: machineName };
    const now = new Date().toISOString();
    const changing = {
      name: deployment.name,
      multicast: deployment.multicast,
      multicast_only: deployment.multicastOnly,
      rate_mbps: deployment.rateMbps,
      slow_clients: JSON.stringify(deployment.slowClients),
    };
    await this.#database.transaction().execute(async (transaction) => {
      // Another one of that name is gone at the site.
      await transaction
        .updateTable("deployment")
        .set((row) => ({ name: row.cast<string>("id", "text") }))
        .where("name", "=", deployment.name)
        .where("id", "!=", deployment.id)
        .execute();
      await transaction
        .insertInto("deployment")
        .values({ ...newDeployment, ...changing, id: deployment.id, created: now })
        .onConflict((conflict) => conflict.column("id").doUpdateSet(changing))
        .execute();
      await transaction
        .insertInto("machine")
        .values({
          id: machineId,
          // No hash: nobody enters by it.
          key_hash: "",
          identity: machineId,
          facts: JSON.stringify(facts),
          enrolled: now,
          last_seen: now,
        })
        .onConflict((conflict) => conflict.column("id").doUpdateSet({ facts: JSON.stringify(facts) }))
        .execute();
    });
    this.#deployments.note(deployment.id, machines);
    const record = await this.#deployments.find(deployment.id);
    if (record === undefined) throw new Error(`deployment ${deployment.id} was not kept`);
    return record;
  }

  /** Of sessions that are open. */
  async openDeployments(): Promise<string[]> {
    const rows = await this.#database
      .selectFrom("session")
      .select("deployment_id")
      .distinct()
      .where("open", "=", true)
      .execute();
    return rows.flatMap((row) => row.deployment_id ?? []);
  }
}

/** The rest is the site's matter. Images are named by who joins. */
const newDeployment = {
  image_id: null,
  sequence_id: null,
  packages: null,
  variables: "[]",
  all_machines: true,
  disk: "{}",
  unattended: true,
  purpose: "available" as const,
  open: true,
  collection_id: null,
  starts: null,
  expires: null,
  subnets: "[]",
  wake: false,
};

const unknownMachine: Omit<MachineFacts, "name"> = {
  smbiosUuid: null,
  serial: null,
  manufacturer: null,
  model: null,
  macAddresses: [],
  firmware: "unknown",
  operatingSystem: "linux",
  agentVersion: "",
  memoryBytes: 0,
};
