/** An NTFS volume as a file, and an image applied to it whole: wimlib writes it through ntfs-3g's library, without root. */
import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import { runTool } from "../tools.ts";
import { wimlibReason, type WimImage } from "./wimlib.ts";

export const mebibyte = 1_048_576;
/** Logical sectors of the disk that it is for. */
export type SectorBytes = 512 | 4096;

export interface VolumeWish {
  path: string;
  label: string;
  bytes: number;
  /** Where the volume will be on its disk; 0 when nobody knows. */
  startBytes: number;
  sectorBytes: SectorBytes;
}

/**
 * Room for an image of so many files: a cluster is lost with each, a record of 1 KiB and an index entry are taken, a
 * folder has an index of its own; and what Windows needs to start for the first time. Free room is holes: it costs nothing
 * in the library or on the network, and the volume is grown to its disk at the machine.
 */
export function roomFor({ bytes, entries }: { bytes: number; entries: number }): number {
  const needed = bytes * 1.02 + entries * 8192 + 64 * mebibyte;
  const free = Math.max(64 * mebibyte, needed / 8);
  return Math.ceil((needed + free) / mebibyte) * mebibyte;
}

export async function makeVolume(
  { bytes, label, path, sectorBytes, startBytes }: VolumeWish,
  signal: AbortSignal,
): Promise<void> {
  writeFileSync(path, "", { mode: 0o600 });
  truncateSync(path, bytes);
  const geometry = [
    "-H",
    "255",
    "-S",
    "63",
    "-s",
    String(sectorBytes),
    "-p",
    String(startBytes / sectorBytes),
  ];
  const words = ["-F", "-Q", "-q", "-L", label, ...geometry, path];
  const { exitCode, complaint } = await runTool("mkntfs", words, signal);
  if (exitCode !== 0) throw new VolleyError("E_TOOL_FAILED", `mkntfs: ${complaint}`);
}

/** `done`: part of the image that is on the volume, from 0 to 1. Answers "full" when the volume is too small. */
async function applyOnce(
  image: WimImage,
  volume: string,
  { done, signal }: { done: (part: number) => void; signal: AbortSignal },
): Promise<"done" | "full"> {
  const words = ["apply", image.path, String(image.index), volume, "--check", ...image.references];
  const { exitCode, complaint } = await runTool("wimlib-imagex", words, signal, {
    limitMs: limits.wimToolMs,
    heard: (piece) => {
      const percent = [...piece.matchAll(/file data:.*\((\d+)%\)/g)].at(-1)?.[1];
      if (percent !== undefined) done(Number(percent) / 100);
    },
  });
  if (exitCode === 0) return "done";
  const reason = wimlibReason(complaint);
  if (/no space left/i.test(complaint)) {
    const { bavail, bsize } = await statfs(dirname(volume));
    if (bavail * bsize > limits.volumeFullBytesFree) return "full";
    throw new VolleyError("E_CONTENT_WRITE", `The library's disk is full: ${reason}`);
  }
  throw new VolleyError("E_IMAGE_TRUNCATED", `Image ${image.index} of ${image.path}: ${reason}`);
}

/** What was asked of an image that is applied. */
export interface ApplyWork {
  done: (part: number) => void;
  signal: AbortSignal;
}

/**
 * Makes the volume, applies the image, and answers how large the volume became: one that turns out too small is made anew.
 * Throws E_IMAGE_TRUNCATED, E_CONTENT_WRITE, E_TOOL_FAILED, E_TOOL_MISSING, E_CANCELLED.
 */
export async function makeAppliedVolume(image: WimImage, wish: VolumeWish, work: ApplyWork): Promise<number> {
  let bytes = wish.bytes;
  for (let attempt = 1; ; attempt += 1) {
    await makeVolume({ ...wish, bytes }, work.signal);
    if ((await applyOnce(image, wish.path, work)) === "done") return bytes;
    rmSync(wish.path);
    if (attempt === limits.volumeSizesTried) {
      const detail = `Image ${image.index} of ${image.path} does not fit a volume of ${bytes} bytes.`;
      throw new VolleyError("E_IMAGE_FORMAT", detail);
    }
    bytes *= 2;
  }
}

/**
 * A volume with the files of a folder: packed as a WIM and applied, which needs neither root nor a mount. `bytes` is at
 * least what the files need.
 */
export async function makeVolumeOfFolder(
  folder: string,
  wish: VolumeWish,
  signal: AbortSignal,
): Promise<void> {
  const wim = `${wish.path}.wim`;
  try {
    const words = ["capture", folder, wim, wish.label, "--compress=none", "--no-acls"];
    const { exitCode, complaint } = await runTool("wimlib-imagex", words, signal, {
      limitMs: limits.wimToolMs,
    });
    if (exitCode !== 0) throw new VolleyError("E_TOOL_FAILED", `wimlib-imagex: ${wimlibReason(complaint)}`);
    await makeVolume(wish, signal);
    const image = { path: wim, references: [], index: 1 };
    const outcome = await applyOnce(image, wish.path, { done: () => undefined, signal });
    if (outcome === "full") {
      throw new VolleyError("E_INTERNAL", `${wish.label} does not fit ${wish.bytes} bytes.`);
    }
  } finally {
    rmSync(wim, { force: true });
  }
}
