/** What steps are given of the site: block images by multicast, uploads, the store of user state, drivers. */
import { mkdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { PackageFacts, PackageProgram } from "../../contract/sequence.ts";
import { agentFiles } from "./agent-files.ts";
import { imageApplier, type ImageApplierOptions } from "./image-applier.ts";
import { untilItWorks } from "../back-off.ts";
import { downloadFile, uploadAndUse, type Transfer } from "../site/file-transfer.ts";
import { extractArchive, makeArchive } from "./site-content.ts";
import type {
  DriverCatalogue,
  Program,
  Programs,
  StateStore,
  StepServices,
  Uploads,
} from "../steps/services.ts";
import { decryptFile, encryptFile } from "../steps/user-state/archive.ts";

/** What the services of a run are made of. */
export type SiteServicesOptions = ImageApplierOptions;

export function siteServices(
  options: SiteServicesOptions,
): Required<
  Pick<
    StepServices,
    "agentFiles" | "imageApplier" | "uploads" | "stateStore" | "driverCatalogue" | "programs" | "recoveryKeys"
  >
> {
  const { by, content, state } = options;
  return {
    agentFiles: agentFiles({
      by,
      content,
      deploymentId: options.deployment.id,
      folder: join(state.path, "windows-agent"),
    }),
    imageApplier: imageApplier(options),
    uploads: uploads(options),
    stateStore: stateStore(options),
    driverCatalogue: driverCatalogue(options),
    programs: programs(options),
    recoveryKeys: { keep: (key) => options.site.keepRecoveryKey(key) },
  };
}

function patience({ by }: SiteServicesOptions, what: string): Omit<Transfer, "progress"> {
  const { signal } = by;
  return { signal, onWait: (failure) => by.log.warning(`${what}: ${failure.detail}`) };
}

function uploads(options: SiteServicesOptions): Uploads {
  const { by, site } = options;
  return {
    async image({ description, diskBytes, name, path, progress, signal }) {
      const { onWait } = patience(options, "Uploading the image");
      const fileName = diskBytes === null ? basename(path) : "disk.raw";
      const source = diskBytes === null ? path : { path, bytes: diskBytes };
      const cut = (text: string, most: number): string => text.slice(0, most);
      const captured = {
        name: cut(name, limits.nameCharacters),
        description: cut(description, limits.reportTextCharacters),
        fileName,
      };
      const wait = { signal, onWait, patienceMs: limits.siteAwayMs };
      const { packageId } = await uploadAndUse(source, site, { signal, onWait, progress }, (uploadId) =>
        untilItWorks(() => site.captured({ ...captured, uploadId }), wait),
      );
      const as = packageId === null ? "and is being imported" : `as package ${packageId}`;
      by.log.info(`"${name}" is at the site ${as}`);
    },
  };
}

const purposeFile = "state-store.json";
const Purpose = z.object({ purpose: z.enum(["capture", "restore"]) });

/**
 * A folder of this run stands for the place at the site: it is filled from there when state is to be restored, and taken
 * there when a place for capturing is released. What travels is encrypted under the key that the site holds.
 */
function stateStore(options: SiteServicesOptions): StateStore {
  const { site, state } = options;
  const folder = join(state.path, "state-store");
  const sealed = join(state.path, "state-store.sealed");
  const archive = join(state.path, "state-store.tar.gz");
  const clean = async (): Promise<void> => {
    for (const path of [folder, sealed, archive]) await rm(path, { recursive: true, force: true });
  };
  return {
    async request(purpose) {
      const { key, stored } = await site.requestState(purpose);
      await clean();
      await mkdir(folder, { recursive: true, mode: 0o700 });
      state.write(purposeFile, { purpose });
      if (stored !== null) {
        const what = "The user state";
        const piece = (offset: number): Promise<Buffer> => site.statePiece(offset);
        const transfer = { ...patience(options, what), progress: () => {} };
        await downloadFile({ path: sealed, what, piece, ...stored, ...transfer });
        await decryptFile(sealed, archive, key);
        await extractArchive(archive, folder);
        await rm(archive);
        await rm(sealed);
      }
      return { path: folder, key };
    },
    async release(place) {
      const kept = state.read(purposeFile, Purpose);
      const again = patience(options, "Storing the user state");
      const wait = { ...again, patienceMs: limits.siteAwayMs };
      if (kept === null || place !== folder) {
        throw new VolleyError("E_NOT_FOUND", `${place} is no place of the site's`);
      }
      if (kept.purpose === "capture") {
        // The same key as when the place was asked for: it is kept nowhere but at the site.
        const { key } = await untilItWorks(() => site.requestState("capture"), wait);
        await makeArchive(folder, archive);
        await encryptFile(archive, sealed, key);
        await uploadAndUse(sealed, site, { ...again, progress: () => {} }, (uploadId) =>
          untilItWorks(() => site.storeState(uploadId), wait),
        );
      } else await untilItWorks(() => site.stateRestored(), wait);
      await clean();
      state.remove(purposeFile);
    },
  };
}

/** As the console sets them for a new program. */
const successCodes = [0, 1641, 3010];

function programs({ content, site }: SiteServicesOptions): Programs {
  const found = (packages: PackageFacts, wanted: PackageProgram | undefined, name: string): Program => {
    if (wanted === undefined) {
      throw new VolleyError("E_NOT_FOUND", `Package ${packages.packageId} has no program ${name}`);
    }
    return { commandLine: wanted.commandLine, successCodes, workingFolder: "" };
  };
  return {
    async ofPackage(packageId, program) {
      const facts = await content.factsOf(packageId);
      const named = facts.programs.find(({ name }) => name.toLowerCase() === program.toLowerCase());
      return found(facts, named, program);
    },
    async application(name) {
      const facts = await site.application(name);
      return { ...found(facts, facts.programs[0], name), packageId: facts.packageId };
    },
  };
}

function driverCatalogue(options: SiteServicesOptions): DriverCatalogue {
  const { site } = options;
  const wait = { ...patience(options, "The catalogue of drivers"), patienceMs: limits.siteAwayMs };
  return {
    async packages(categories, devices, times) {
      const wanted = categories.map((category) => category.toLowerCase());
      const identifiers = new Set(
        devices.flatMap(({ compatibleIds, hardwareIds }) => [...hardwareIds, ...compatibleIds]),
      );
      const usable = [...identifiers].filter(
        (id) => id !== "" && id.length <= limits.pnpIdentifierCharacters,
      );
      const asked = usable.slice(0, limits.pnpIdentifiersMost);
      const found = await (times === undefined
        ? untilItWorks(() => site.drivers(asked), wait)
        : site.drivers(asked, times));
      return found.filter(({ category }) => wanted.length === 0 || wanted.includes(category.toLowerCase()));
    },
  };
}
