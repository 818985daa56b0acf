/** What is mounted, and what is swapped to. */
import { readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";

export interface Mount {
  /** "8:1"; "0:…" for a file system without a device of its own, which Btrfs is too. */
  deviceNumber: string;
  /** What was mounted, for example "/dev/sda1". */
  source: string;
  mountPoint: string;
  fileSystem: string;
}

/** In the order in which they were mounted: of two at one place the later hides the earlier. */
export function readMounts(roots: { proc: string }): Mount[] {
  const mounts: Mount[] = [];
  for (const line of readLines(join(roots.proc, "self/mountinfo"))) {
    const [before, after] = line.split(" - ");
    const place = before?.split(" ") ?? [];
    const [fileSystem, source] = after?.split(" ") ?? [];
    const deviceNumber = place[2];
    const mountPoint = place[4];
    if (deviceNumber === undefined || mountPoint === undefined || fileSystem === undefined) continue;
    mounts.push({
      deviceNumber,
      mountPoint: unescape(mountPoint),
      fileSystem,
      source: unescape(source ?? ""),
    });
  }
  return mounts;
}

/** Devices and files that are swap space. */
export function readSwaps(roots: { proc: string }): string[] {
  return readLines(join(roots.proc, "swaps"))
    .slice(1)
    .map((line) => unescape(line.split(/\s/)[0] ?? ""))
    .filter((path) => path !== "");
}

/** "8:1" of the block device at `path`, or null. */
export function deviceNumberAt(path: string): string | null {
  try {
    const status = statSync(realpathSync(path));
    return status.isBlockDevice() ? deviceNumberText(status.rdev) : null;
  } catch {
    return null;
  }
}

/** Linux packs major and minor number into one: 12 bits and 20, split around each other. */
export function deviceNumberText(rdev: number): string {
  const high = Math.floor(rdev / 2 ** 32);
  const low = rdev >>> 0;
  const major = ((low >>> 8) & 0xfff) + (high & 0xfffff000);
  const minor = (low & 0xff) + ((low >>> 12) & 0xfff00);
  return `${major}:${minor}`;
}

function readLines(path: string): string[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch {
    return [];
  }
}

/** The kernel writes spaces, tabs, line ends and backslashes in octal. */
function unescape(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
