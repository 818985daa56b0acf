/** Distribution points in other buildings: told of, changed and removed by administrators. */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import {
  PointChange,
  PointRequest,
  Replication,
  type PointCredential,
  type PointRecord,
} from "../../contract/point.ts";
import { hashSecret, newToken } from "../authority/secrets.ts";
import type { StoredPoint } from "../store/points.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, parse } from "./routes.ts";
import type { Call, Route } from "./route.ts";

const hourMs = 3_600_000;

export function pointRoutes(context: ApiContext): Route[] {
  const { log, properties, remotePoints, room, store } = context;
  const find = async ({ request }: Call): Promise<StoredPoint> => {
    const id = identifierOf(request, "distribution point");
    const point = await store.points.find(id);
    if (point === undefined) throw new VolleyError("E_NOT_FOUND", `There is no distribution point ${id}.`);
    return point;
  };
  const shown = (point: StoredPoint): PointRecord => remotePoints.record(point);
  const found = async (id: string): Promise<PointRecord> => {
    const point = await store.points.find(id);
    if (point === undefined) throw new VolleyError("E_NOT_FOUND", `There is no distribution point ${id}.`);
    return shown(point);
  };
  return [
    {
      method: "GET",
      path: "/points",
      who: "viewer",
      handle: async (): Promise<PointRecord[]> => (await store.points.list()).map(shown),
    },
    {
      method: "POST",
      path: "/points",
      who: "administrator",
      handle: async ({ request, reply }): Promise<PointCredential> => {
        const wanted = parse(PointRequest, request.body);
        await checkPlace(context, wanted);
        const { credential, expires, hash } = newCredential();
        const id = await store.points.add(wanted, properties.current, { hash, expires });
        log.info(`distribution point ${wanted.name} is expected at ${wanted.address}`);
        room.changed("points");
        reply.code(201);
        return { point: await found(id), credential, expires };
      },
    },
    {
      method: "POST",
      path: "/points/:id",
      who: "administrator",
      handle: async (call): Promise<PointRecord> => {
        const point = await find(call);
        const change = parse(PointChange, call.request.body);
        await store.points.change(point.id, {
          boundaries: change.boundaries ?? point.boundaries,
          allImages: change.allImages ?? point.allImages,
          allPackages: change.allPackages ?? point.allPackages,
          replication: Replication.parse({ ...point.replication, ...change.replication }),
          properties: properties.merged(point.properties, change.properties ?? {}),
        });
        room.changed("points");
        return await found(point.id);
      },
    },
    {
      method: "POST",
      path: "/points/:id/credential",
      who: "administrator",
      handle: async (call): Promise<PointCredential> => {
        const { id } = await find(call);
        const { credential, expires, hash } = newCredential();
        await store.points.setCredential(id, { hash, expires });
        return { point: await found(id), credential, expires };
      },
    },
    {
      method: "DELETE",
      path: "/points/:id",
      who: "administrator",
      handle: async (call) => {
        const { id, name } = await find(call);
        await store.points.remove(id);
        remotePoints.forget(id);
        log.info(`distribution point ${name} is removed: its key opens nothing any more`);
        room.changed("points");
      },
    },
  ];
}

function newCredential(): { credential: string; hash: string; expires: string } {
  const credential = newToken();
  const expires = new Date(Date.now() + limits.pointCredentialHours * hourMs).toISOString();
  return { credential, hash: hashSecret(credential), expires };
}

/**
 * Throws E_CONFLICT. A certificate for the site's own address would let a point speak to machines as the site.
 */
async function checkPlace(
  { names, store }: ApiContext,
  { address, name }: { address: string; name: string },
): Promise<void> {
  if (names.includes(address)) {
    throw new VolleyError("E_CONFLICT", `${address} is the site's own address, and no point gets that.`);
  }
  const others = await store.points.list();
  if (others.length >= limits.pointsMost) {
    throw new VolleyError("E_CONFLICT", `There are ${limits.pointsMost} points, which is the most.`);
  }
  const same = others.find((one) => one.name === name || one.address === address);
  if (same !== undefined) {
    throw new VolleyError("E_CONFLICT", `There is a distribution point ${same.name} at ${same.address}.`);
  }
}
