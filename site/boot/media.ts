/** Builds a site's boot media: a Linux PE with the agent, in every form that firmware starts. */
import { createHash } from "node:crypto";
import {
  copyFileSync,
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { BootFile } from "../../contract/boot-image.ts";
import { VolleyError } from "../../contract/errors.ts";
import { buildDisc, buildStick, placeNetworkLoaders } from "./media-disks.ts";
import { buildInitramfs, type PeContents } from "./media-initramfs.ts";
import { fetchMediaPackages } from "./media-packages.ts";
import { descriptionName, type MediaDescription } from "./media-description.ts";
import { ipxeScript, kernelOptions } from "./media-texts.ts";
import { runMediaTool } from "./media-tools.ts";

export interface MediaOptions extends Omit<PeContents, "built" | "version"> {
  /** Made if need be; files of earlier media in it are replaced. */
  output: string;
  /** More Debian packages for the PE. */
  packages: readonly string[];
  /** When the credential in it stops to enrol. */
  credentialExpires: string;
  onStep(what: string): void;
}
const workPrefix = ".making-";
const fileNames = [
  ["vmlinuz", "initrd.zst", "shimx64.efi", "grubx64.efi", "grub/grub.cfg", "ipxe.efi", "undionly.kpxe"],
  ["boot.ipxe", "volley.iso", "volley-usb.img"],
].flat();

/** Throws E_TOOL_MISSING, E_TOOL_FAILED. Nothing is in the folder that is only half made. */
export async function buildMedia(options: MediaOptions): Promise<MediaDescription> {
  const { onStep, output } = options;
  if (!existsSync(options.agent)) {
    throw new VolleyError("E_TOOL_MISSING", `The packaged agent is not at ${options.agent}.`);
  }
  mkdirSync(output, { recursive: true });
  // On the same file system, so that what is done can be moved to its place. A build that was killed leaves its own.
  for (const name of readdirSync(output)) {
    if (name.startsWith(workPrefix)) rmSync(join(output, name), { recursive: true, force: true });
  }
  const work = mkdtempSync(join(output, workPrefix));
  try {
    const folder = join(work, "media");
    mkdirSync(folder);
    const version = (await runMediaTool(options.agent, ["--version"])).trim();
    onStep("Fetching Debian's packages");
    const packages = await fetchMediaPackages(work, options.packages);
    const files = { folder, boot: packages.boot, work, shell: options.shell };
    copyFileSync(join(packages.boot, `boot/vmlinuz-${packages.kernel}`), join(folder, "vmlinuz"));
    placeNetworkLoaders(files);
    writeFileSync(join(folder, "boot.ipxe"), ipxeScript);
    onStep("Packing the initramfs");
    const built = Math.floor(Date.now() / 1000);
    const initrd = join(folder, "initrd.zst");
    const sharedBytes = await buildInitramfs(packages, { ...options, version, built }, initrd);
    onStep("Making the ISO and the USB image");
    await buildDisc(files, join(folder, "volley.iso"));
    await buildStick(files, join(folder, "volley-usb.img"));
    const description: MediaDescription = {
      kind: "volley-linux-pe",
      built: new Date(built * 1000).toISOString(),
      agent: version,
      kernel: packages.kernel,
      commandLine: kernelOptions,
      site: options.site,
      fingerprint: options.fingerprint,
      credentialExpires: options.credentialExpires,
      withoutCredential: await describeFile(initrd, sharedBytes),
      files: await describeFiles(folder),
    };
    writeFileSync(join(folder, descriptionName), `${JSON.stringify(description, null, 2)}\n`);
    mkdirSync(join(output, "grub"), { recursive: true });
    for (const name of [...fileNames, descriptionName]) renameSync(join(folder, name), join(output, name));
    return description;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function describeFiles(folder: string): Promise<MediaDescription["files"]> {
  const files: MediaDescription["files"] = {};
  for (const name of fileNames) {
    const path = join(folder, name);
    files[name] = await describeFile(path, statSync(path).size);
  }
  return files;
}

/** Of its first `bytes`. */
async function describeFile(path: string, bytes: number): Promise<BootFile> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { end: bytes - 1 }), hash);
  return { bytes, sha256: hash.digest("hex") };
}
