/** Which deployment a machine's request is about, and that it is for that machine. */
import type { DeploymentRecord } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { Store } from "../store/store.ts";
import { identifierOf, machineOf, type Call } from "./routes.ts";

export interface Participation {
  machineId: string;
  deployment: DeploymentRecord;
}

/** Throws E_NOT_FOUND, and E_FORBIDDEN when it is not for this machine. */
export async function deploymentOf(call: Call, store: Store): Promise<Participation> {
  const machineId = machineOf(call);
  const id = identifierOf(call.request, "deployment");
  const deployment = await store.deployments.find(id);
  if (!deployment) throw new VolleyError("E_NOT_FOUND", `There is no deployment ${id}.`);
  if (!(await store.deployments.isFor(id, machineId))) {
    throw new VolleyError("E_FORBIDDEN", `Deployment ${deployment.name} is not for this machine.`);
  }
  return { machineId, deployment };
}
