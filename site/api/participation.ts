/** Which deployment a machine's request is about, and that it is for that machine. */
import type { DeploymentRecord } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import { windowOf } from "../store/deployment-window.ts";
import type { Store } from "../store/store.ts";
import { passedOnFor } from "../passed-on.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, machineOf } from "./routes.ts";
import type { Call } from "./route.ts";

export interface Participation {
  machineId: string;
  deployment: DeploymentRecord;
}

const notDue = {
  early: "it has not begun",
  expired: "it has expired",
  elsewhere: "the machine's address is outside its boundary",
};

/** Who came by another process of the site is told where the one is that casts. */
export function senderOf({ request }: Call, { senderAddress }: ApiContext): { senderAddress?: string } {
  return passedOnFor(request.raw) === undefined ? {} : { senderAddress };
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
  // What it was given while it was due it may go on with.
  const window = windowOf(deployment, call.request.ip);
  if (window !== "due" && !(await store.deployments.isAssigned(id, machineId))) {
    throw new VolleyError(
      "E_FORBIDDEN",
      `Deployment ${deployment.name} is not for this machine: ${notDue[window]}.`,
    );
  }
  return { machineId, deployment };
}
