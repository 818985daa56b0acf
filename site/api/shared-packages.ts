/**
 * Packages that every machine may have, for those whose task sequence is another program's, as Configuration Manager's. A
 * package that is cast is cast for all who ask for it here.
 */
import { ImageFacts, JoinRequest, type JoinAnswer } from "../../contract/deployment.ts";
import { VolleyError } from "../../contract/errors.ts";
import { Progress, type ProgressAnswer } from "../../contract/report.ts";
import { PackageFacts } from "../../contract/sequence.ts";
import { downloads } from "../casting/downloads.ts";
import type { StoredPackage } from "../store/packages.ts";
import { downloadsId } from "../store/sessions.ts";
import type { ApiContext } from "./context.ts";
import { packageOf } from "./packages.ts";
import { senderOf } from "./participation.ts";
import { machineOf, offsetOf, parse, sendBytes } from "./routes.ts";
import type { Call, Route } from "./route.ts";

export function sharedPackageRoutes(context: ApiContext): Route[] {
  const { files, packageContents, properties, store } = context;
  const find = async (call: Call): Promise<StoredPackage> => {
    const found = await packageOf(call, store);
    if (found.shared) return found;
    throw new VolleyError("E_FORBIDDEN", `Package ${found.packageId} is not shared with every machine.`);
  };
  return [
    {
      method: "GET",
      path: "/shared-packages/:packageId",
      who: "machine",
      handle: async (call) => {
        const found = await find(call);
        packageContents.checkReady(found);
        const isAllowed = found.multicast === "allowed" && properties.current.multicast;
        const multicast = found.multicast === "only" ? "only" : isAllowed ? "allowed" : "no";
        return PackageFacts.parse({ ...found, multicast });
      },
    },
    {
      method: "GET",
      path: "/shared-packages/:packageId/image",
      who: "machine",
      handle: async (call): Promise<ImageFacts> => {
        const { imageId, packageId } = await find(call);
        const image = imageId === null ? undefined : await store.images.find(imageId);
        if (!image) throw notCast(packageId);
        return ImageFacts.parse(image);
      },
    },
    {
      method: "GET",
      path: "/shared-packages/:packageId/:offset",
      who: "machine",
      handle: async (call) => {
        const { fileId, multicast, packageId } = await find(call);
        if (fileId === null) {
          throw new VolleyError("E_CONFLICT", `Package ${packageId} is an image, which has no files.`);
        }
        if (multicast === "only") {
          throw new VolleyError("E_FORBIDDEN", `Package ${packageId} is by multicast only.`);
        }
        return sendBytes(call, await files.read(fileId, offsetOf(call.request)));
      },
    },
    ...participation(context, find),
  ];
}

function participation(context: ApiContext, find: (call: Call) => Promise<StoredPackage>): Route[] {
  const { director, properties } = context;
  return [
    {
      method: "POST",
      path: "/shared-packages/:packageId/join",
      who: "machine",
      handle: async (call): Promise<JoinAnswer> => {
        const { fileId, imageId, packageId } = await find(call);
        if (fileId === null || imageId === null) throw notCast(packageId);
        const { encryption, resume } = parse(JoinRequest, call.request.body);
        const request = { encryption, imageId, resume };
        const joined = await director.join(machineOf(call), downloads(properties.current), request);
        return { ...joined, ...senderOf(call, context) };
      },
    },
    {
      method: "POST",
      path: "/shared-packages/:packageId/progress",
      who: "machine",
      whenFull: true,
      handle: async (call): Promise<ProgressAnswer> => {
        const machineId = machineOf(call);
        if (!director.takesPart(machineId, downloadsId)) await find(call);
        const progress = parse(Progress, call.request.body);
        // Nobody reports a download: this is how its end is known.
        if (progress.phase === "done" || progress.phase === "failed") {
          await director.finished(downloadsId, machineId);
          return { next: "go-on", moved: "" };
        }
        return { ...director.progress(machineId, downloadsId, progress), ...senderOf(call, context) };
      },
    },
  ];
}

function notCast(packageId: string): VolleyError {
  return new VolleyError("E_CONFLICT", `Package ${packageId} is not cast.`);
}
