/**
 * What shared packages are cast under. Machines whose task sequence is another program's download them (`volley-agent
 * download`) and have no deployment: one that nobody made stands for all of them, with what the distribution point says.
 */
import type { DeploymentRecord } from "../../contract/administration.ts";
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import type { Store } from "../store/store.ts";
import { downloadsId } from "../store/sessions.ts";

/** The package says whether it is by multicast, and whether by nothing else. */
export function downloads({ multicast, slowClients }: DistributionPoint): DeploymentRecord {
  return {
    id: downloadsId,
    name: "downloads",
    imageId: null,
    sequenceId: null,
    sequenceVersion: "held",
    packages: [],
    machines: "all",
    disk: { removable: false },
    unattended: true,
    purpose: "available",
    multicast,
    multicastOnly: false,
    rateMbps: 0,
    slowClients: multicast ? slowClients : { policy: "none" },
    created: new Date(0).toISOString(),
    open: true,
  };
}

/** The deployment under which a session casts. */
export async function castDeployment(
  id: string,
  { properties, store }: { properties: { readonly current: DistributionPoint }; store: Store },
): Promise<DeploymentRecord | undefined> {
  return id === downloadsId ? downloads(properties.current) : await store.deployments.find(id);
}
