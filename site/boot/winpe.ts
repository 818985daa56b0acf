/** Builds a site's Windows PE out of the user's own boot.wim: what machines boot from the network, a disc and a stick. */
import { createHash, randomUUID } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  createReadStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join, relative, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { checkBootStore, readBootStore, undocumentedElements } from "../../windows/boot-store.ts";
import { mergeWords } from "../../windows/boot-text.ts";
import { emptyHive } from "../../windows/empty-hive.ts";
import { ramdiskText, type RamdiskTarget } from "../../windows/ramdisk-configuration.ts";
import { runMediaTool } from "./media-tools.ts";
import { buildWinpeDisc, buildWinpeStick, stickRefusal, type WinpeMedium } from "./winpe-disks.ts";
import { buildWinpeImage, chooseImage, type WinpeContents } from "./winpe-image.ts";
import { existingFile, missing, takeParts, type PartsWish, type WinpeParts } from "./winpe-parts.ts";
import { winpeDescriptionName, winpeFolder, type WinpeDescription } from "./winpe-texts.ts";

export type WinpeForm = "iso" | "usb";
export interface WinpeOptions extends WinpeContents, Omit<PartsWish, "folder"> {
  wim: string;
  /** Null: the one that the file says, or the only one. */
  index: number | null;
  wimboot: string | null;
  /** What has to be made besides the files for the network; null: what the parts allow. */
  forms: readonly WinpeForm[] | null;
  /** The folder of boot media; what an earlier Windows PE left in its folder there is replaced. */
  output: string;
  credentialExpires: string;
  onStep(what: string): void;
}

const workPrefix = ".making-winpe-";
/** Where machines find them over the network, from the root of what is served. */
const networkPaths = { image: "\\Boot\\boot.wim", sdi: "\\Boot\\boot.sdi" };
const mediumPaths = { image: "\\sources\\boot.wim", sdi: "\\Boot\\boot.sdi" };

/** Throws E_WINPE_PART, E_IMAGE_*, E_TOOL_MISSING, E_TOOL_FAILED. Nothing is in the folder that is only half made. */
export async function buildWinpe(options: WinpeOptions): Promise<WinpeDescription> {
  const { onStep, output } = options;
  mkdirSync(output, { recursive: true });
  for (const name of readdirSync(output)) {
    if (name.startsWith(workPrefix)) rmSync(join(output, name), { recursive: true, force: true });
  }
  const work = mkdtempSync(join(output, workPrefix));
  try {
    const folder = join(work, winpeFolder);
    mkdirSync(join(folder, "Boot"), { recursive: true });
    const chosen = await chooseImage(options.wim, options.index);
    onStep("Taking the boot manager out of the image");
    const original = { path: options.wim, references: [], index: chosen.index };
    const parts = await takeParts(original, { ...options, folder: join(work, "parts") });
    const forms = formsOf(parts, options.forms);
    onStep("Putting the agent into the image");
    const wim = join(folder, "Boot", "boot.wim");
    const from = { wim: options.wim, index: chosen.index };
    const withoutCredential = await buildWinpeImage(from, options, {
      output: wim,
      work: join(work, "contents"),
    });
    const locale = chosen.languages[0] ?? "en-US";
    if (forms.usb === null) forms.usb = stickRefusal(wim);
    if (forms.usb !== null && options.forms?.includes("usb") === true) throw missing(forms.usb);
    await placeNetworkFiles(parts, { folder, locale, wimboot: options.wimboot });
    onStep("Making the ISO and the USB image");
    const medium: WinpeMedium = { parts, wim, stores: await mediumStores(work, locale), work };
    if (forms.iso === null) await buildWinpeDisc(medium, join(folder, "volley-winpe.iso"));
    if (forms.usb === null) await buildWinpeStick(medium, join(folder, "volley-winpe-usb.img"));
    const description: WinpeDescription = {
      kind: "volley-winpe",
      built: new Date().toISOString(),
      version: chosen.version,
      site: options.site,
      fingerprint: options.fingerprint,
      credentialExpires: options.credentialExpires,
      bootManager: parts.bootManager,
      network: { bios: parts.network !== null, wimboot: options.wimboot !== null },
      withoutCredential,
      left: [...leftOf(parts), forms.iso ?? "", forms.usb ?? ""].filter((text) => text !== ""),
      files: await describe(folder),
    };
    writeFileSync(join(folder, winpeDescriptionName), `${JSON.stringify(description, null, 2)}\n`);
    rmSync(join(output, winpeFolder), { recursive: true, force: true });
    renameSync(folder, join(output, winpeFolder));
    return description;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** For each form null where it is to be made, "" where it was not asked for, else what is missing. Throws E_WINPE_PART. */
function formsOf(parts: WinpeParts, wanted: readonly WinpeForm[] | null): Record<WinpeForm, string | null> {
  const hasDisc = parts.etfsboot !== null || parts.efisys !== null;
  const found = {
    iso: hasDisc
      ? null
      : "No ISO: the image has neither Windows\\Boot\\DVD\\PCAT\\etfsboot.com nor DVD\\EFI\\en-US\\efisys.bin; --adk names a folder with them.",
    usb: null,
  };
  if (wanted === null) return found;
  const lacking = wanted.map((form) => found[form]).find((text) => text !== null);
  if (lacking !== undefined) throw missing(lacking);
  return { iso: wanted.includes("iso") ? null : "", usb: wanted.includes("usb") ? null : "" };
}

function leftOf(parts: WinpeParts): string[] {
  const { bootmgr, efisys, etfsboot, network } = parts;
  return [
    ...(network === null
      ? [
          "No network boot for a BIOS without wimboot: the image has no Windows\\Boot\\PXE\\pxeboot.n12 and bootmgr.exe.",
        ]
      : []),
    ...(bootmgr === null ? ["No USB boot for a BIOS: the image has no Windows\\Boot\\PCAT\\bootmgr."] : []),
    ...(etfsboot === null && efisys !== null
      ? ["No ISO for a BIOS: there is no etfsboot.com in the image or the folder of --adk."]
      : []),
    ...(etfsboot !== null && efisys === null
      ? ["No ISO for UEFI: there is no efisys.bin of that signature in the image or the folder of --adk."]
      : []),
  ];
}

/** "Configure a PXE server to load Windows PE" (Microsoft): the boot managers at the root, all else in Boot. */
async function placeNetworkFiles(
  parts: WinpeParts,
  { folder, locale, wimboot }: { folder: string; locale: string; wimboot: string | null },
): Promise<void> {
  const boot = join(folder, "Boot");
  copyFileSync(parts.bootmgfw, join(folder, "bootmgfw.efi"));
  copyFileSync(parts.sdi, join(boot, "boot.sdi"));
  if (parts.fonts !== null) cpSync(parts.fonts, join(boot, "Fonts"), { recursive: true });
  if (parts.network !== null) {
    copyFileSync(parts.network.loader, join(folder, "pxeboot.n12"));
    copyFileSync(parts.network.manager, join(folder, "bootmgr.exe"));
  }
  if (wimboot !== null) copyFileSync(existingFile(wimboot), join(folder, "wimboot"));
  const tftp = { blockBytes: limits.winpeTftpBlockBytes, windowBlocks: limits.winpeTftpWindowBlocks };
  await writeStore(join(boot, "BCD"), { ...networkPaths, firmware: "uefi", locale, tftp });
  await writeStore(join(boot, "BCD.bios"), { ...networkPaths, firmware: "bios", locale, tftp });
}

async function mediumStores(work: string, locale: string): Promise<WinpeMedium["stores"]> {
  const stores = { uefi: join(work, "BCD-uefi"), bios: join(work, "BCD-bios") };
  for (const firmware of ["uefi", "bios"] as const) {
    await writeStore(stores[firmware], { ...mediumPaths, firmware, locale, tftp: null });
  }
  return stores;
}

/** The store is read back and checked before anyone gets it. */
async function writeStore(path: string, target: Omit<RamdiskTarget, "loaderId">): Promise<void> {
  const text = `${path}.reg`;
  writeFileSync(path, emptyHive());
  writeFileSync(text, ramdiskText({ ...target, loaderId: `{${randomUUID()}}` }));
  await runMediaTool("hivexregedit", mergeWords(path, text));
  rmSync(text);
  const written = readBootStore(await runMediaTool("hivexregedit", ["--export", path, "\\"]));
  // It began empty, so that all of it is ours: what an image's own template has is not for us to judge.
  const unknown = undocumentedElements(written).map((element) => `${element} is not documented`);
  const problems = [...checkBootStore(written, target.firmware), ...unknown];
  if (problems.length === 0) return;
  throw new VolleyError("E_TOOL_FAILED", `The boot configuration that was written: ${problems.join("; ")}.`);
}

async function describe(folder: string): Promise<WinpeDescription["files"]> {
  const files: WinpeDescription["files"] = {};
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => join(parentPath, name));
  for (const path of paths.sort()) {
    const hash = createHash("sha256");
    await pipeline(createReadStream(path), hash);
    const name = relative(folder, path).split(sep).join("/");
    files[name] = { bytes: statSync(path).size, sha256: hash.digest("hex") };
  }
  return files;
}
