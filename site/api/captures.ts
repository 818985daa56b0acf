/**
 * Images that machines capture. A request that comes again, since its answer was lost, is answered as it was the first
 * time, also by a site that was restarted; an import that a restart has ended begins again by itself.
 */
import { randomUUID } from "node:crypto";
import { renameSync } from "node:fs";
import { open } from "node:fs/promises";
import { extname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isErrorCode, toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { CapturedRequest, type CapturedAnswer } from "../../contract/sequence.ts";
import type { LibraryFile } from "../content/files.ts";
import { namesFormat } from "../content/source.ts";
import type { CapturedDisk } from "../store/captures.ts";
import type { Store } from "../store/store.ts";
import { Turns } from "../turns.ts";
import type { ApiContext } from "./context.ts";
import { deploymentOf } from "./participation.ts";
import { parse } from "./routes.ts";
import type { Route } from "./route.ts";

export function captureRoutes(context: ApiContext): Route[] {
  const { log, store } = context;
  // One after another: a request may come again while the first is still at work.
  const turns = new Turns();
  return [
    {
      method: "POST",
      path: "/deployments/:id/machines/me/captured",
      who: "machine",
      handle: async (call): Promise<CapturedAnswer> => {
        const { deployment, machineId } = await deploymentOf(call, store);
        const captured = parse(CapturedRequest, call.request.body);
        const answer = await turns.take(async () => {
          // Also where the deployment was closed since: what is here is the site's to keep.
          const before = await answeredBefore(context, captured);
          if (before !== null) return before;
          if (!deployment.open || deployment.sequenceId === null) {
            throw new VolleyError("E_FORBIDDEN", `Deployment ${deployment.name} captures nothing now.`);
          }
          const taken = await takeCapture(context, machineId, captured);
          const what = taken.packageId ?? "it is being imported";
          log.info(`machine ${machineId} captured ${captured.name}: ${what}`);
          return taken;
        });
        call.reply.code(201);
        return answer;
      },
    },
  ];
}

/** An upload keeps its identifier as a file of the library, and nobody but who brought it knows that. */
async function answeredBefore(
  { store }: ApiContext,
  { uploadId }: CapturedRequest,
): Promise<CapturedAnswer | null> {
  const made = (await store.packages.list()).find(({ fileId }) => fileId === uploadId);
  if (made !== undefined) return { packageId: made.packageId };
  return (await store.captures.find(uploadId)) === undefined ? null : { packageId: null };
}

async function takeCapture(
  context: ApiContext,
  machineId: string,
  captured: CapturedRequest,
): Promise<CapturedAnswer> {
  const { files } = context;
  const file = await files.take(machineId, captured.uploadId, limits.uploadBytesMost);
  try {
    if (await beginsAsWim(files.path(file.id))) return { packageId: await addWim(context, captured, file) };
    await addDisk(context, captured, file);
    return { packageId: null };
  } catch (error) {
    files.remove(file.id);
    throw error;
  }
}

/** "[MS-XCA] and the WIM format": the first eight bytes. */
async function beginsAsWim(path: string): Promise<boolean> {
  const handle = await open(path, "r");
  try {
    const { buffer } = await handle.read(Buffer.alloc(8), 0, 8, 0);
    return buffer.toString("latin1") === "MSWIM\0\0\0";
  } finally {
    await handle.close();
  }
}

const capturesMost = 99_999;

/** Under the first identifier of the form CAP00001 that is free. */
async function addWim(
  { packageContents, store }: ApiContext,
  { fileName, name }: CapturedRequest,
  file: LibraryFile,
): Promise<string> {
  const taken = new Set((await store.packages.list()).map(({ packageId }) => packageId));
  for (let number = 1; number <= capturesMost; number += 1) {
    const packageId = `CAP${String(number).padStart(5, "0")}`;
    if (taken.has(packageId)) continue;
    const { bytes, hash, id: fileId } = file;
    const added = new Date().toISOString();
    await store.packages.add({
      packageId,
      name,
      kind: "file",
      fileId,
      fileName,
      bytes,
      hash,
      imageId: null,
      multicast: bytes < limits.packageCastBytesLeast ? "no" : "allowed",
      encrypt: false,
      driverCategory: null,
      programs: [],
      added,
    });
    packageContents.make(packageId);
    return packageId;
  }
  throw new VolleyError("E_CONFLICT", `${capturesMost} captured images are here, which is the most.`);
}

/** Throws E_IMAGE_FORMAT, E_CONFLICT. From here on the image is imported, whatever becomes of this process. */
async function addDisk(
  context: ApiContext,
  { fileName, name }: CapturedRequest,
  { id: uploadId }: LibraryFile,
): Promise<void> {
  const { files, store, tasks } = context;
  if (!namesFormat(fileName)) {
    throw new VolleyError("E_IMAGE_FORMAT", `The name ${fileName} does not say what the image is.`);
  }
  if ((await store.images.named(name)) !== undefined) {
    throw new VolleyError("E_CONFLICT", `There is an image of the name ${name}.`);
  }
  const captures = await store.captures.listOpen();
  if (tasks.isImporting(name) || captures.some((capture) => capture.name === name)) {
    throw new VolleyError("E_CONFLICT", `An image of the name ${name} is being imported.`);
  }
  // The import goes by the name's end.
  const disk = { uploadId, name, file: uploadId + extname(fileName), imageId: randomUUID() };
  renameSync(files.path(uploadId), files.path(disk.file));
  try {
    await store.captures.add(disk);
  } catch (error) {
    files.remove(disk.file);
    throw error;
  }
  follow(context, disk, importDisk(context, disk));
}

/** What a restart of the site has ended begins again. */
export async function resumeCaptures(context: ApiContext): Promise<void> {
  for (const disk of await context.store.captures.listOpen()) {
    follow(context, disk, resumeDisk(context, disk));
  }
}

const lookMs = 1000;

interface ChosenDisk extends CapturedDisk {
  imageId: string;
}

/** What stands in the way of an import and is no fault of the image. */
const keptFor: ReadonlySet<string> = new Set([
  "E_CANCELLED",
  "E_CONFLICT",
  "E_CONTENT_WRITE",
  "E_DISK_FULL",
  "E_TOOL_FAILED",
  "E_TOOL_MISSING",
]);

function follow({ log }: ApiContext, { file, name }: CapturedDisk, work: Promise<void>): void {
  work.catch((error: unknown) => {
    const { code, detail } = toVolleyError(error);
    // A site that ends cancels its imports.
    if (code === "E_CANCELLED") return;
    const kept = keptFor.has(code) ? ` File ${file} is kept for the next start of the site.` : "";
    log.error(`captured ${name}: ${code}: ${detail}${kept}`);
  });
}

async function resumeDisk(context: ApiContext, disk: CapturedDisk): Promise<void> {
  const { captures, images } = context.store;
  if (disk.imageId !== null && (await images.find(disk.imageId)) !== undefined) {
    // Its import had ended when the last process did.
    return end(context, disk);
  }
  const imageId = disk.imageId ?? randomUUID();
  if (disk.imageId === null) await captures.chooseImage(disk.uploadId, imageId);
  return importDisk(context, { ...disk, imageId });
}

/**
 * The file goes when its image is there, or when it is none. Throws what the import failed with; what `keptFor` names
 * leaves the file and the row for the next start.
 */
async function importDisk(context: ApiContext, disk: ChosenDisk): Promise<void> {
  const { store, tasks } = context;
  const id = await begin(context, disk);
  while (tasks.importState(id)?.state === "running") await delay(lookMs, undefined, { ref: false });
  const error = tasks.importState(id)?.error ?? null;
  const isThere = (await store.images.find(disk.imageId)) !== undefined;
  if (isThere || (error !== null && !keptFor.has(error.code))) await end(context, disk);
  if (isThere) return;
  // Of an import that ended long ago nothing is known any more.
  const { code, detail } = error ?? {
    code: "E_CONFLICT",
    detail: "Nothing is known of how the import ended.",
  };
  throw new VolleyError(isErrorCode(code) ? code : "E_INTERNAL", detail);
}

/** The import's identifier. An image that has the name by now is another: this one gets another. Throws E_CANCELLED. */
async function begin({ files, log, store, tasks }: ApiContext, disk: ChosenDisk): Promise<string> {
  const { file, imageId } = disk;
  for (;;) {
    const name = await freeName(store, disk.name);
    try {
      const { id } = tasks.startImport({ path: files.path(file), name, imageId });
      if (name !== disk.name) {
        log.warn(`captured ${disk.name}: there is another image of that name, so this is ${name}`);
      }
      return id;
    } catch (error) {
      // Too much goes on.
      if (toVolleyError(error).code !== "E_CONFLICT") throw error;
    }
    await delay(lookMs, undefined, { ref: false });
  }
}

async function freeName({ images }: Store, wanted: string): Promise<string> {
  const taken = new Set((await images.list()).map(({ name }) => name));
  for (let number = 2, name = wanted; ; number += 1) {
    if (!taken.has(name)) return name;
    const mark = ` (${number})`;
    name = wanted.slice(0, limits.nameCharacters - mark.length) + mark;
  }
}

async function end({ files, store }: ApiContext, { file, uploadId }: CapturedDisk): Promise<void> {
  await store.captures.end(uploadId);
  files.remove(file);
}
