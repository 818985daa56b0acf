/** What distribution points in other buildings ask of the site: to be let in, what to do, and content. */
import { createPublicKey } from "node:crypto";
import { open } from "node:fs/promises";
import type { ImageRecord } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import {
  contentPieceBytes,
  PointEnrolRequest,
  PointSync,
  type PointEnrolAnswer,
  type PointSyncAnswer,
} from "../../contract/point.ts";
import { hashSecret, newKey } from "../authority/secrets.ts";
import { imagesAt } from "../store/point-contents.ts";
import type { StoredPoint } from "../store/points.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, offsetOf, parse, pointOf, sendBytes } from "./routes.ts";
import type { Call, Route } from "./route.ts";

export function pointLineRoutes(context: ApiContext): Route[] {
  const { library } = context;
  return [
    { method: "POST", path: "/point/enrol", who: "anyone", handle: (call) => enrol(call, context) },
    {
      method: "POST",
      path: "/point/sync",
      who: "point",
      bodyBytesMost: limits.pointSyncBytes,
      whenFull: true,
      handle: (call) => synchronise(call, context),
    },
    {
      method: "GET",
      path: "/point/images/:id/manifest",
      who: "point",
      handle: async (call) => sendBytes(call, await library.manifest((await imageFor(call, context)).id)),
    },
    {
      method: "GET",
      path: "/point/images/:id/content/:offset",
      who: "point",
      handle: async (call) => {
        const image = await imageFor(call, context);
        return sendBytes(call, await readPiece(library.contentPath(image.id), offsetOf(call.request)));
      },
    },
  ];
}

async function enrol({ request }: Call, context: ApiContext): Promise<PointEnrolAnswer> {
  const { attempts, authority, log, room, store } = context;
  attempts.check(request.ip);
  const { credential, publicKey } = parse(PointEnrolRequest, request.body);
  // Before the credential is spent.
  checkKey(publicKey);
  const key = newKey();
  const point = await store.points.enrol(hashSecret(credential), { keyHash: hashSecret(key), publicKey });
  if (point === undefined) {
    attempts.failed(request.ip);
    log.warn(`the enrolment of a distribution point from ${request.ip} was refused`);
    throw new VolleyError("E_CREDENTIAL_REFUSED", "The credential of the point is not valid (any more).");
  }
  refuseOwnAddress(point, context);
  log.info(`distribution point ${point.name} enrolled from ${request.ip}`);
  room.changed("points");
  return {
    pointId: point.id,
    name: point.name,
    address: point.address,
    key,
    certificate: await authority.certifyPoint(point.address, publicKey),
    manifestKey: authority.manifestKey,
  };
}

/** Throws E_REQUEST_INVALID. */
function checkKey(publicKey: string): void {
  try {
    const { asymmetricKeyDetails, asymmetricKeyType } = createPublicKey(publicKey);
    if (asymmetricKeyType === "ec" && asymmetricKeyDetails?.namedCurve === "prime256v1") return;
  } catch {
    // Said below.
  }
  throw new VolleyError("E_REQUEST_INVALID", "publicKey: it is no ECDSA key on P-256.");
}

async function synchronise(call: Call, context: ApiContext): Promise<PointSyncAnswer> {
  const { authority, remotePoints, room, store } = context;
  const sync = parse(PointSync, call.request.body);
  const point = await ownPoint(call, context);
  await store.points.saw(point.id, sync.port, new Date().toISOString());
  remotePoints.told(point, sync);
  for (const { deploymentId, machineId, progress } of sync.progress) {
    // A point says nothing of machines that the site has not given that deployment.
    if (await store.deployments.isAssigned(deploymentId, machineId)) {
      room.progressed(machineId, deploymentId, progress);
    }
  }
  room.changed(point.port === sync.port ? "figures" : "points");
  const closedDeployments: string[] = [];
  for (const id of sync.deployments) {
    if (!(await store.deployments.find(id))?.open) closedDeployments.push(id);
  }
  const images = await store.points.images(point);
  const publicKey = sync.renew ? await store.points.publicKey(point.id) : null;
  return {
    properties: point.properties,
    replication: point.replication,
    images: sync.packages ? images : images.filter(({ purpose }) => purpose === "image"),
    closedDeployments,
    startDeployments: remotePoints.toStart(point.id),
    certificate: publicKey === null ? null : await authority.certifyPoint(point.address, publicKey),
  };
}

async function ownPoint(call: Call, context: ApiContext): Promise<StoredPoint> {
  const point = await context.store.points.find(pointOf(call));
  if (point === undefined) throw new VolleyError("E_NOT_ENROLLED", "The distribution point was removed.");
  refuseOwnAddress(point, context);
  return point;
}

/** Throws E_CONFLICT. The site may have got that address since the point was told of: its certificate would be the site's. */
function refuseOwnAddress({ address, name }: StoredPoint, { names }: ApiContext): void {
  if (!names.includes(address)) return;
  throw new VolleyError(
    "E_CONFLICT",
    `Distribution point ${name} is at ${address}, which is the site's own address.`,
  );
}

/** Throws E_NOT_FOUND, E_FORBIDDEN for what is not to be there. */
async function imageFor(call: Call, context: ApiContext): Promise<ImageRecord> {
  const point = await ownPoint(call, context);
  const id = identifierOf(call.request, "image");
  const image = await context.store.images.find(id);
  if (image === undefined) throw new VolleyError("E_NOT_FOUND", `There is no image ${id}.`);
  if (imagesAt(point).includes(id)) return image;
  throw new VolleyError("E_FORBIDDEN", `Image ${image.name} is not for distribution point ${point.name}.`);
}

/** Empty at the end. Throws E_CONTENT_READ. */
async function readPiece(path: string, offset: number): Promise<Buffer> {
  try {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(contentPieceBytes),
        0,
        contentPieceBytes,
        offset,
      );
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new VolleyError("E_CONTENT_READ", `${path}: ${(error as Error).message}`, { cause: error });
  }
}
