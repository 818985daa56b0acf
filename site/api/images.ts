/** Images: imported, listed, verified and removed by the administrator; manifests for machines that deploy them. */
import {
  EncryptionRequest,
  ImportableRequest,
  ImportRequest,
  MulticastRequest,
  type ImageRecord,
} from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { importPath, listImportable, putImportable } from "../content/importable.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, parse, personOf } from "./routes.ts";
import type { Call, Route } from "./route.ts";

export function imageRoutes({ files, importFolder, library, room, store, tasks }: ApiContext): Route[] {
  const find = async ({ request }: Call): Promise<ImageRecord> => {
    const id = identifierOf(request, "image");
    const image = await store.images.find(id);
    if (!image) throw new VolleyError("E_NOT_FOUND", `There is no image ${id}.`);
    return image;
  };
  return [
    { method: "GET", path: "/images", who: "viewer", handle: () => store.images.list() },
    { method: "GET", path: "/images/:id", who: "viewer", handle: find },
    { method: "GET", path: "/importable", who: "administrator", handle: () => listImportable(importFolder) },
    {
      method: "POST",
      path: "/importable",
      who: "administrator",
      handle: async ({ reply, request }) => {
        const { fileName, uploadId } = parse(ImportableRequest, request.body);
        const { id } = await files.take(null, uploadId, limits.uploadBytesMost);
        try {
          await putImportable(importFolder, files.path(id), fileName);
        } finally {
          files.remove(id);
        }
        reply.code(201);
        return await listImportable(importFolder);
      },
    },
    {
      method: "POST",
      path: "/images",
      who: "administrator",
      handle: async (call) => {
        const wish = parse(ImportRequest, call.request.body);
        // Who holds the token of the data folder can read the site's machine anyway.
        const isFree = personOf(call).kind === "local";
        const path = await importPath(wish.path, { folder: importFolder, isFree });
        call.reply.code(202);
        return tasks.startImport({ ...wish, path });
      },
    },
    {
      method: "POST",
      path: "/images/:id/verify",
      who: "administrator",
      handle: async (call) => {
        const image = await find(call);
        call.reply.code(202);
        return tasks.startVerification(image);
      },
    },
    {
      method: "POST",
      path: "/images/:id/multicast",
      who: "administrator",
      handle: async (call): Promise<ImageRecord> => {
        const image = await find(call);
        const { multicast } = parse(MulticastRequest, call.request.body);
        if (image.purpose !== "image") {
          throw new VolleyError("E_CONFLICT", "This is a package's content: the package says it.");
        }
        await store.images.setCasting(image.id, { multicast });
        room.changed("images");
        return { ...image, multicast };
      },
    },
    {
      method: "POST",
      path: "/images/:id/encryption",
      who: "administrator",
      handle: async (call): Promise<ImageRecord> => {
        const image = await find(call);
        const { encrypt } = parse(EncryptionRequest, call.request.body);
        if (image.purpose !== "image") {
          throw new VolleyError("E_CONFLICT", "This is a package's content: the package says it.");
        }
        await store.images.setCasting(image.id, { encrypt });
        room.changed("images");
        return { ...image, encrypt };
      },
    },
    {
      method: "DELETE",
      path: "/images/:id",
      who: "administrator",
      handle: async (call) => {
        await library.remove((await find(call)).id);
        room.changed("images");
      },
    },
    {
      method: "GET",
      path: "/images/:id/manifest",
      who: "machine-or-viewer",
      handle: async (call) => {
        const { id, name } = await find(call);
        const { machineId } = call;
        const mayRead = async (machine: string): Promise<boolean> =>
          (await store.packages.isShared(id)) || (await store.deployments.machineMayRead(machine, id));
        if (machineId !== null && !(await mayRead(machineId))) {
          throw new VolleyError("E_FORBIDDEN", `No deployment of this machine uses image ${name}.`);
        }
        call.reply.type("application/octet-stream");
        return await library.manifest(id);
      },
    },
  ];
}
