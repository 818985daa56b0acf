/** Deployments, which machines they name, and what each machine is to do. */
import { randomUUID } from "node:crypto";
import type { DeploymentRecord, DeploymentRequest } from "../../contract/administration.ts";
import type { DeviceRecord } from "../../contract/devices.ts";
import { windowsAgentPackage, type SequenceVariable } from "../../contract/sequence.ts";
import type { Database } from "./schema.ts";
import { tell } from "./site-messages.ts";
import { deploymentRecord, deploymentRow } from "./deployment-rows.ts";
import { windowOf } from "./deployment-window.ts";

/** Which device a machine is, and which collections that is in. */
export interface Memberships {
  deviceOf(machineId: string): Promise<DeviceRecord | undefined>;
  of(device: DeviceRecord): Promise<{ id: string }[]>;
  membersOf(collectionId: string): Promise<DeviceRecord[]>;
}

export class DeploymentStore {
  readonly #database: Database;
  readonly #memberships: Memberships;
  constructor(database: Database, memberships: Memberships) {
    this.#database = database;
    this.#memberships = memberships;
  }

  async list(): Promise<DeploymentRecord[]> {
    const rows = await this.#database
      .selectFrom("deployment")
      .selectAll()
      .orderBy("created")
      .orderBy("id")
      .execute();
    const named = await this.#database.selectFrom("deployment_machine").selectAll().execute();
    const children = await this.#database.selectFrom("deployment_child").selectAll().execute();
    return rows.map((row) => deploymentRecord(row, named, children));
  }

  async find(id: string): Promise<DeploymentRecord | undefined> {
    const row = await this.#database
      .selectFrom("deployment")
      .selectAll()
      .where("id", "=", id)
      .executeTakeFirst();
    if (!row) return undefined;
    const named = await this.#database
      .selectFrom("deployment_machine")
      .selectAll()
      .where("deployment_id", "=", id)
      .execute();
    const children = await this.#database
      .selectFrom("deployment_child")
      .selectAll()
      .where("deployment_id", "=", id)
      .execute();
    return deploymentRecord(row, named, children);
  }

  /** Every machine, the image and the sequence have to exist: see api/deployments. */
  async create(
    { variables, ...request }: Omit<DeploymentRequest, "confirm">,
    createdBy = "",
  ): Promise<DeploymentRecord> {
    const record: DeploymentRecord = {
      ...request,
      createdBy,
      id: randomUUID(),
      created: new Date().toISOString(),
      open: true,
    };
    await this.#database.transaction().execute(async (transaction) => {
      await transaction.insertInto("deployment").values(deploymentRow(record, variables)).execute();
      await tell(transaction, "deploymentMade", record.name);
      const children = (record.children ?? []).map((id) => ({
        deployment_id: record.id,
        sequence_id: id,
      }));
      if (children.length > 0) await transaction.insertInto("deployment_child").values(children).execute();
      if (record.machines === "all" || record.machines.length === 0) return;
      const rows = [...new Set(record.machines)].map((id) => ({ deployment_id: record.id, machine_id: id }));
      await transaction.insertInto("deployment_machine").values(rows).execute();
    });
    return record;
  }

  /** Secrets among them: for machines of the deployment alone. */
  async variables(id: string): Promise<SequenceVariable[]> {
    const row = await this.#database
      .selectFrom("deployment")
      .select("variables")
      .where("id", "=", id)
      .executeTakeFirst();
    return row?.variables ?? [];
  }

  async close(id: string): Promise<void> {
    const closed = await this.#database
      .updateTable("deployment")
      .set({ open: false })
      .where("id", "=", id)
      .where("open", "=", true)
      .returning("name")
      .executeTakeFirst();
    if (closed !== undefined) await tell(this.#database, "deploymentClosed", closed.name);
  }

  async remove(id: string): Promise<void> {
    const gone = await this.#database
      .deleteFrom("deployment")
      .where("id", "=", id)
      .returning("name")
      .executeTakeFirst();
    if (gone !== undefined) await tell(this.#database, "deploymentRemoved", gone.name);
  }

  async isFor(deploymentId: string, machineId: string): Promise<boolean> {
    const { deployments } = await this.#forMachine(machineId);
    const row = await deployments.where("deployment.id", "=", deploymentId).executeTakeFirst();
    return row !== undefined;
  }

  /**
   * Whether any deployment of this machine, open or not, uses that image, or runs a task sequence and gives out a
   * package that stands for it.
   */
  async machineMayRead(machineId: string, imageId: string): Promise<boolean> {
    const { deployments: mine } = await this.#forMachine(machineId);
    const row = await mine.where("deployment.image_id", "=", imageId).executeTakeFirst();
    if (row !== undefined) return true;
    const given = await mine
      .select("deployment.packages")
      .where("deployment.sequence_id", "is not", null)
      .execute();
    return (await this.#packagesOf(imageId)).some((id) => given.some(({ packages }) => gives(packages, id)));
  }

  /** Images that the deployment casts: its own, and those that packages stand for which its task sequence may name. */
  async imagesOf({ imageId: own, packages, sequenceId }: DeploymentRecord): Promise<Set<string>> {
    const images = new Set(own === null ? [] : [own]);
    if (sequenceId === null) return images;
    const rows = await this.#database
      .selectFrom("package")
      .select(["package_id", "image_id"])
      .where("image_id", "is not", null)
      .execute();
    for (const { image_id, package_id } of rows) {
      if (image_id !== null && gives(packages === "all" ? null : packages, package_id)) images.add(image_id);
    }
    return images;
  }

  async #packagesOf(imageId: string): Promise<string[]> {
    const rows = await this.#database
      .selectFrom("package")
      .select("package_id")
      .where("image_id", "=", imageId)
      .execute();
    return rows.map((row) => row.package_id);
  }

  /**
   * An open deployment that is for this machine and that it has not succeeded in: the one that it has begun, of several
   * the one that was touched last, since a newer one ends no run; else the newest that is due now where the machine is.
   */
  async dueFor(machineId: string, address: string | null = null): Promise<DeploymentRecord | undefined> {
    const { deployments } = await this.#forMachine(machineId);
    const rows = await deployments
      .leftJoin("assignment", (join) =>
        join
          .onRef("assignment.deployment_id", "=", "deployment.id")
          .on("assignment.machine_id", "=", machineId),
      )
      .select(["assignment.state", "assignment.updated"])
      .select(["deployment.starts", "deployment.expires", "deployment.subnets"])
      .where("deployment.open", "=", true)
      .where((row) =>
        row.or([row("assignment.state", "is", null), row("assignment.state", "!=", "succeeded")]),
      )
      .orderBy("deployment.created", "desc")
      .orderBy("deployment.id")
      .execute();
    const [begun] = rows
      .filter(({ state }) => state === "planned" || state === "working")
      .toSorted((one, other) => (other.updated ?? "").localeCompare(one.updated ?? ""));
    const due = begun ?? rows.find((row) => windowOf(row, address) === "due");
    return due && (await this.find(due.id));
  }

  /** The same for a device that has not enrolled. */
  async dueForDevice(
    device: DeviceRecord | null,
    address: string | null,
  ): Promise<DeploymentRecord | undefined> {
    const collections = device === null ? [] : await this.#memberships.of(device);
    return (await this.list()).findLast(
      (one) =>
        one.open &&
        windowOf(one, address) === "due" &&
        (one.machines === "all" || collections.some(({ id }) => id === one.collectionId)),
    );
  }

  /** Whether the machine was given the deployment. */
  async isAssigned(deploymentId: string, machineId: string): Promise<boolean> {
    const row = await this.#database
      .selectFrom("assignment")
      .select("machine_id")
      .where("deployment_id", "=", deploymentId)
      .where("machine_id", "=", machineId)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** How far the machines came is forgotten: they are to do it once more. Answers for how many that is so. */
  async clear(deploymentId: string, machines: "all" | readonly string[]): Promise<number> {
    return await this.#database.transaction().execute(async (transaction) => {
      const named = machines === "all" ? undefined : [...machines];
      const assignments = transaction.deleteFrom("assignment").where("deployment_id", "=", deploymentId);
      const answers = transaction.deleteFrom("pxe_answer").where("deployment_id", "=", deploymentId);
      const runs = transaction
        .updateTable("sequence_run")
        .set({ run_id: null, serial: null, checkpoint: null })
        .where("deployment_id", "=", deploymentId);
      const cleared = await (
        named ? assignments.where("machine_id", "in", named) : assignments
      ).executeTakeFirst();
      await (named ? answers.where("computer", "in", named) : answers).execute();
      await (named ? runs.where("machine_id", "in", named) : runs).execute();
      return Number(cleared.numDeletedRows);
    });
  }

  /** How many machines it is for, as far as they are enrolled. */
  async machineCount(deployment: DeploymentRecord): Promise<number> {
    if (deployment.collectionId) {
      const members = await this.#memberships.membersOf(deployment.collectionId);
      return members.filter(({ machineId }) => machineId !== null).length;
    }
    if (deployment.machines !== "all") return deployment.machines.length;
    const row = await this.#database
      .selectFrom("machine")
      .select((select) => select.fn.countAll().as("count"))
      .executeTakeFirstOrThrow();
    return Number(row.count);
  }

  /** The enrolled machines that it is for and that have not succeeded in it. */
  async unfinished(deployment: DeploymentRecord): Promise<{ id: string; name: string }[]> {
    let wanted = this.#database
      .selectFrom("machine")
      .leftJoin("assignment", (join) =>
        join
          .onRef("assignment.machine_id", "=", "machine.id")
          .on("assignment.deployment_id", "=", deployment.id),
      )
      .select(["machine.id", "machine.facts"])
      .where((row) =>
        row.or([row("assignment.state", "is", null), row("assignment.state", "!=", "succeeded")]),
      );
    if (deployment.collectionId || deployment.machines !== "all") {
      const named = await this.#named(deployment);
      if (named.length === 0) return [];
      wanted = wanted.where("machine.id", "in", named);
    }
    return (await wanted.execute()).map(({ facts, id }) => ({ id, name: facts.name }));
  }

  async #named({ collectionId, machines }: DeploymentRecord): Promise<string[]> {
    if (!collectionId) return machines === "all" ? [] : machines;
    const members = await this.#memberships.membersOf(collectionId);
    return members.flatMap(({ machineId }) => (machineId === null ? [] : [machineId]));
  }

  /** Notes that the machine was given this deployment, once. True when that is new. */
  async assign(deploymentId: string, machineId: string): Promise<boolean> {
    const row = await this.#database
      .insertInto("assignment")
      .values({
        machine_id: machineId,
        deployment_id: deploymentId,
        state: "enrolled",
        plan: null,
        outcome: null,
        error: null,
        notice: "",
        updated: new Date().toISOString(),
      })
      .onConflict((conflict) => conflict.columns(["machine_id", "deployment_id"]).doNothing())
      .returning("machine_id")
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Those that name the machine, all machines, or a collection that it is in. One that is not approved has none. */
  async #forMachine(machineId: string) {
    const device = await this.#memberships.deviceOf(machineId);
    const collections = device === undefined ? [] : (await this.#memberships.of(device)).map(({ id }) => id);
    const deployments = this.#database
      .selectFrom("deployment")
      .select("deployment.id")
      .where(({ and, eb, exists, lit, or, selectFrom }) =>
        and([
          lit(device?.state === "approved"),
          or([
            eb("deployment.all_machines", "=", true),
            ...(collections.length === 0 ? [] : [eb("deployment.collection_id", "in", collections)]),
            exists(
              selectFrom("deployment_machine")
                .select("deployment_machine.machine_id")
                .whereRef("deployment_machine.deployment_id", "=", "deployment.id")
                .where("deployment_machine.machine_id", "=", machineId),
            ),
          ]),
        ]),
      );
    // In an object, since a query is not to be awaited unfinished.
    return { deployments };
  }
}

/** Null: all of the site's. The agent for Windows is given to every machine with a sequence. */
function gives(packages: readonly string[] | null, packageId: string): boolean {
  const wanted = packageId.toUpperCase();
  const isNamed = packages === null || packages.some((one) => one.toUpperCase() === wanted);
  return isNamed || wanted === windowsAgentPackage;
}
