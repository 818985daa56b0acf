/** Sessions that wait to start, here and at other distribution points, for people: who is there and who is missing. */
import type { DeploymentRecord } from "../contract/administration.ts";
import { limits } from "../contract/limits.ts";
import type { WaitingSession, WaitTold } from "../contract/waiting.ts";

/** `point`: in another building. */
export type PlacedWait = WaitTold & { point?: string };

interface Deployments {
  find(id: string): Promise<DeploymentRecord | undefined>;
  unfinished(deployment: DeploymentRecord): Promise<{ id: string; name: string }[]>;
}

/** Of deployments that are known. Who waits for the same image elsewhere is missing nowhere. */
export async function waitingRecords(
  waits: readonly PlacedWait[],
  deployments: Deployments,
): Promise<WaitingSession[]> {
  const records: WaitingSession[] = [];
  for (const { deploymentId, firstRequest, imageId, minimumClients, point, present, startsAt } of waits) {
    const deployment = await deployments.find(deploymentId);
    if (deployment === undefined) continue;
    const wanted = await deployments.unfinished(deployment);
    const same = waits.filter((one) => one.deploymentId === deploymentId && one.imageId === imageId);
    const [here, anywhere] = [new Set(present), new Set(same.flatMap((one) => one.present))];
    const missing = namesOf(wanted.filter(({ id }) => !anywhere.has(id)));
    records.push({
      deploymentId,
      deploymentName: deployment.name,
      imageId,
      firstRequest,
      startsAt,
      minimumClients,
      present: namesOf(wanted.filter(({ id }) => here.has(id))),
      missing: missing.slice(0, limits.waitingNames),
      missingCount: missing.length,
      ...(point !== undefined && { point }),
    });
  }
  return records;
}

function namesOf(machines: readonly { name: string }[]): string[] {
  return machines.map(({ name }) => name).toSorted();
}
