/** What came of each deployment, also after its machines went on to others. */
import type {
  DeploymentCounts,
  DeploymentMachine,
  DeploymentRecord,
  ListedDeployment,
  MachineState,
} from "../../contract/administration.ts";
import type { DeviceRecord } from "../../contract/devices.ts";
import type { Store } from "../store/store.ts";
import { meant } from "../store/wakes.ts";

/** Of an open deployment the enrolled devices that it is for; none begins a closed one. */
async function candidates(store: Store): Promise<(one: DeploymentRecord) => DeviceRecord[]> {
  const enrolled = (await store.devices.list()).filter(({ machineId }) => machineId !== null);
  const collections = new Map((await store.collections.list()).map((one) => [one.id, one]));
  return ({ collectionId, machines, open }) =>
    open ? enrolled.filter(meant(machines, collections.get(collectionId ?? ""))) : [];
}

export async function listedDeployments(store: Store): Promise<ListedDeployment[]> {
  const [deployments, counts, given, candidatesOf] = await Promise.all([
    store.deployments.list(),
    store.assignments.counts(),
    store.assignments.ofOpen(),
    candidates(store),
  ]);
  return deployments.map((one) => {
    const known = given.get(one.id);
    const left = candidatesOf(one).filter(({ machineId }) => !known?.has(machineId ?? "")).length;
    return { ...one, counts: countsOf(counts.get(one.id) ?? new Map(), left) };
  });
}

function countsOf(states: ReadonlyMap<MachineState, number>, left: number): DeploymentCounts {
  const count = (state: MachineState): number => states.get(state) ?? 0;
  return {
    done: count("succeeded"),
    failed: count("failed"),
    running: count("planned") + count("working"),
    waiting: count("enrolled") + left,
  };
}

export async function machinesOf(store: Store, deployment: DeploymentRecord): Promise<DeploymentMachine[]> {
  const given = (await store.assignments.of(deployment.id)).map(({ facts, ...row }) => ({
    ...row,
    name: facts.name,
  }));
  const known = new Set(given.map(({ id }) => id));
  const left = (await candidates(store))(deployment).flatMap(({ facts, machineId, name }) =>
    machineId === null || known.has(machineId) ? [] : [notGiven(machineId, facts?.name ?? name)],
  );
  return [...given, ...left].toSorted((one, other) =>
    one.name.localeCompare(other.name, "en", { numeric: true }),
  );
}

function notGiven(id: string, name: string): DeploymentMachine {
  return { id, name, state: "enrolled", error: null, notice: "", outcome: null, updated: null };
}
