/** One image of a WIM, applied once: a raw image of a disk or of a volume, which the library then takes as any other. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { WimEdition, WimForm } from "../../../contract/administration.ts";
import { VolleyError } from "../../../contract/errors.ts";
import { makeBootFiles } from "./boot-files.ts";
import { makeDisk, windowsStartBytes } from "./disk.ts";
import type { WimFile } from "./editions.ts";
import { makeAppliedVolume, roomFor, type ApplyWork, type SectorBytes } from "./volume.ts";

/**
 * Of a computer that was captured with volumes of data, its Windows is meant where none was chosen. Throws E_IMAGE_CHOICE when
 * there are several and none was chosen, E_NOT_FOUND when there is none of that number.
 */
export function chooseEdition(
  { editions, path }: Pick<WimFile, "editions" | "path">,
  index: number | undefined,
): WimEdition {
  const windows = editions.filter(({ architecture }) => architecture !== null);
  const [only, ...others] = windows.length > 0 ? windows : editions;
  if (index === undefined && only !== undefined && others.length === 0) return only;
  const list = editions.map((edition) => `${edition.index} ${edition.name}`).join(", ");
  if (index === undefined) throw new VolleyError("E_IMAGE_CHOICE", `${path} holds ${list}.`);
  const found = editions.find((edition) => edition.index === index);
  if (found === undefined) {
    throw new VolleyError("E_NOT_FOUND", `${path} has no image ${index}; it holds ${list}.`);
  }
  return found;
}

/** Below `folder`, which the caller removes. Answers the raw image's path. */
export async function buildFromWim(
  wim: WimFile,
  {
    edition,
    folder,
    form,
    sectorBytes,
    ...work
  }: ApplyWork & { edition: WimEdition; form: WimForm; folder: string; sectorBytes: SectorBytes },
): Promise<string> {
  const { signal } = work;
  const image = { path: wim.path, references: wim.references, index: edition.index };
  const volume = join(folder, "windows");
  const wish = { path: volume, label: "Windows", bytes: roomFor(edition), sectorBytes };
  if (form === "volume") {
    await makeAppliedVolume(image, { ...wish, startBytes: 0 }, work);
    return volume;
  }
  const bootFolder = join(folder, "boot");
  mkdirSync(bootFolder);
  const firmware = form === "disk" ? "uefi" : "bios";
  // First, since an image that nothing starts is refused in seconds then.
  const boot = await makeBootFiles(image, { firmware, edition, folder: bootFolder, signal });
  await makeAppliedVolume(image, { ...wish, startBytes: windowsStartBytes(form) }, work);
  return makeDisk({ style: form, sectorBytes, volume, boot, folder: bootFolder, signal });
}
