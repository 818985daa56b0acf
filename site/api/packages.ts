/** Packages: what steps of task sequences refer to by an identifier. */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { PackageId, PackageRecord, PackageRequest, SharedRequest } from "../../contract/sequence.ts";
import { EncryptionRequest, MulticastRequest } from "../../contract/administration.ts";
import type { StoredPackage } from "../store/packages.ts";
import type { ApiContext } from "./context.ts";
import { parse } from "./routes.ts";
import type { Call, Route } from "./route.ts";

export function packageRoutes(context: ApiContext): Route[] {
  const { files, log, packageContents, room, store } = context;
  const find = (call: Call): Promise<StoredPackage> => packageOf(call, store);
  return [
    {
      method: "GET",
      path: "/packages",
      who: "viewer",
      handle: async () => (await store.packages.list()).map((one) => PackageRecord.parse(one)),
    },
    {
      method: "GET",
      path: "/packages/:packageId",
      who: "viewer",
      handle: async (call) => PackageRecord.parse(await find(call)),
    },
    {
      method: "POST",
      path: "/packages",
      who: "administrator",
      handle: async ({ reply, request }): Promise<PackageRecord> => {
        const wanted = parse(PackageRequest, request.body);
        if (await store.packages.find(wanted.packageId)) {
          throw new VolleyError("E_CONFLICT", `There is a package ${wanted.packageId.toUpperCase()}.`);
        }
        const added = await makePackage(context, wanted);
        try {
          await store.packages.add(added);
        } catch (error) {
          if (added.fileId !== null) files.remove(added.fileId);
          throw error;
        }
        packageContents.make(added.packageId);
        log.info(`package ${added.packageId} (${added.name}) was added: ${added.kind}, ${added.bytes} bytes`);
        reply.code(201);
        return PackageRecord.parse({ ...added, shared: false });
      },
    },
    {
      method: "POST",
      path: "/packages/:packageId/shared",
      who: "administrator",
      handle: async (call) => {
        const { packageId } = await find(call);
        const { shared } = parse(SharedRequest, call.request.body);
        await store.packages.share(packageId, shared);
        return PackageRecord.parse(await find(call));
      },
    },
    {
      method: "POST",
      path: "/packages/:packageId/multicast",
      who: "administrator",
      handle: async (call) => {
        const { fileId, imageId, kind, packageId } = await find(call);
        const { multicast } = parse(MulticastRequest, call.request.body);
        if (kind === "image") {
          throw new VolleyError("E_CONFLICT", `Package ${packageId} is an image, which says it itself.`);
        }
        await store.packages.setCasting(packageId, { multicast });
        if (imageId !== null && multicast === "no") {
          await dropContent(context, packageId, imageId);
          room.changed("points");
        } else if (imageId !== null) await store.images.setCasting(imageId, { multicast });
        else if (fileId !== null) packageContents.make(packageId);
        return PackageRecord.parse(await find(call));
      },
    },
    {
      method: "POST",
      path: "/packages/:packageId/encryption",
      who: "administrator",
      handle: async (call) => {
        const { imageId, kind, packageId } = await find(call);
        const { encrypt } = parse(EncryptionRequest, call.request.body);
        if (kind === "image") {
          throw new VolleyError("E_CONFLICT", `Package ${packageId} is an image, which says it itself.`);
        }
        await store.packages.setCasting(packageId, { encrypt });
        if (imageId !== null) await store.images.setCasting(imageId, { encrypt });
        return PackageRecord.parse(await find(call));
      },
    },
    {
      method: "DELETE",
      path: "/packages/:packageId",
      who: "administrator",
      handle: async (call) => {
        const { fileId, imageId, kind, packageId } = await find(call);
        if (kind !== "image" && imageId !== null) await dropContent(context, packageId, imageId);
        await store.packages.remove(packageId);
        room.changed("points");
        if (fileId !== null) files.remove(fileId);
      },
    },
  ];
}

/** Throws E_REQUEST_INVALID, E_NOT_FOUND. */
export async function packageOf({ request }: Call, store: ApiContext["store"]): Promise<StoredPackage> {
  const packageId = parse(PackageId, (request.params as { packageId: string }).packageId);
  const found = await store.packages.find(packageId);
  if (!found) throw new VolleyError("E_NOT_FOUND", `There is no package ${packageId}.`);
  return found;
}

/** What was cast in the package's place. Throws E_IMAGE_IN_USE while a session casts it. */
async function dropContent(
  { library, store }: ApiContext,
  packageId: string,
  imageId: string,
): Promise<void> {
  await store.packages.setContent(packageId, null);
  try {
    await library.remove(imageId);
  } catch (error) {
    await store.packages.setContent(packageId, imageId);
    throw error;
  }
}

async function makePackage(
  { files, store }: ApiContext,
  wanted: PackageRequest,
): Promise<Omit<StoredPackage, "shared">> {
  const packageId = wanted.packageId.toUpperCase();
  const added = new Date().toISOString();
  if (wanted.kind === "image") {
    const image = await store.images.find(wanted.imageId);
    if (image?.purpose !== "image") {
      throw new VolleyError("E_NOT_FOUND", `There is no image ${wanted.imageId}.`);
    }
    const { bytes, encrypt, id: imageId, multicast, name } = image;
    const none = { fileId: null, fileName: null, hash: null, driverCategory: null, programs: [] };
    return { packageId, name, kind: "image", ...none, bytes, imageId, multicast, encrypt, added };
  }
  const { bytes, hash, id: fileId } = await files.take(null, wanted.uploadId, limits.uploadBytesMost);
  const { encrypt, kind, name } = wanted;
  const multicast = wanted.multicast ?? (bytes < limits.packageCastBytesLeast ? "no" : "allowed");
  const common = { packageId, name, kind, fileId, bytes, hash, imageId: null, multicast, encrypt, added };
  if (wanted.kind === "file") {
    return { ...common, fileName: wanted.fileName, driverCategory: null, programs: [] };
  }
  const { driverCategory, programs } = wanted;
  return { ...common, fileName: null, driverCategory, programs };
}
