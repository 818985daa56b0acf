/** To which distribution points a machine is sent, and what it shows there. */
import type { DeploymentRecord } from "../../contract/administration.ts";
import type { Policy } from "../../contract/deployment.ts";
import { limits } from "../../contract/limits.ts";
import { Ticket, ticketMark } from "../../contract/point.ts";
import { isWithin } from "../store/deployment-window.ts";
import { imagesAt } from "../store/point-contents.ts";
import type { StoredPoint } from "../store/points.ts";
import type { ApiContext } from "./context.ts";

type PolicyPoints = NonNullable<NonNullable<Policy["deployment"]>["points"]>;

/** Those whose boundary the address is in, the narrowest boundary first; none for a deployment without an image to cast. */
export async function pointsFor(
  { authority, remotePoints, store }: ApiContext,
  machine: { id: string; address: string },
  deployment: DeploymentRecord,
): Promise<PolicyPoints> {
  const points = (await store.points.list()).filter(
    ({ enrolled, port }) => enrolled !== null && port !== null,
  );
  const near = points
    .map((point) => ({ point, bits: narrowest(point, machine.address) }))
    .filter(({ bits }) => bits >= 0)
    .toSorted((one, other) => other.bits - one.bits);
  if (near.length === 0) return [];
  const name = (await store.machines.nameOf(machine.id)) ?? machine.id;
  const machines = Math.min(
    Math.max(await store.deployments.machineCount(deployment), 1),
    limits.receiversPerSession,
  );
  const cast = await store.deployments.imagesOf(deployment);
  const expires = new Date(Date.now() + limits.ticketMs).toISOString();
  const answer: PolicyPoints = [];
  for (const { point } of near) {
    const wanted = imagesAt(point)
      .filter((imageId) => cast.has(imageId))
      .slice(0, limits.ticketImages);
    const imageIds = remotePoints.canEncrypt(point.id) ? wanted : await inClear(point, wanted, store);
    if (imageIds.length === 0 || point.port === null) continue;
    const { multicast, multicastOnly, rateMbps, slowClients } = deployment;
    const ticket = Ticket.parse({
      pointId: point.id,
      machineId: machine.id,
      machineName: name,
      machines,
      deployment: {
        id: deployment.id,
        name: deployment.name,
        multicast,
        multicastOnly,
        rateMbps,
        slowClients,
      },
      imageIds,
      expires,
    });
    const { address, name: pointName, port } = point;
    answer.push({
      name: pointName,
      address,
      port,
      multicast: multicast && point.properties.multicast,
      ticket: signed(ticket, authority),
    });
  }
  return answer;
}

/** Of these what the point may send as it is: a version that knows no encryption would send all of it so. */
async function inClear(
  { properties }: StoredPoint,
  imageIds: readonly string[],
  store: ApiContext["store"],
): Promise<string[]> {
  if (properties.encrypt) return [];
  const encrypted = await store.images.encrypted(imageIds);
  return imageIds.filter((id) => !encrypted.has(id));
}

/** Bits of the narrowest boundary that the address is in; -1 for none. */
function narrowest({ boundaries }: StoredPoint, address: string): number {
  const bits = boundaries
    .filter((boundary) => isWithin(address, [boundary]))
    .map((boundary) => Number(boundary.split("/")[1]));
  return Math.max(-1, ...bits);
}

function signed(ticket: Ticket, authority: ApiContext["authority"]): string {
  const json = JSON.stringify(ticket);
  const signature = authority.signManifest(Buffer.from(ticketMark + json));
  return `${Buffer.from(json).toString("base64url")}.${signature.toString("base64url")}`;
}
