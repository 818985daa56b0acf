/** UEFI as a running Linux has it: the firmware's boot entries by efibootmgr, and its system partition. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rmdir, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { z } from "zod";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { readBootEntries } from "../platform/linux/boot-entries.ts";
import { runTool } from "../platform/run-tool.ts";
import { efiLabel } from "./efi-place.ts";

export interface EfiPartition {
  /** "/dev/vda1". */
  device: string;
  /** "/dev/vda". */
  disk: string;
  number: number;
}

export interface EfiGround {
  isUefi(): boolean;
  /** Standard output; null when the program is missing or fails. */
  run(command: readonly [string, ...string[]]): Promise<string | null>;
  /** EFI system partitions, those of the disk that `beside` is on first. Rejects with E_STAGING. */
  partitions(beside: string | null): Promise<EfiPartition[]>;
  /** `folder`: the root of its files, as long as `work` goes on. Rejects with E_STAGING, and as `work` does. */
  atFiles<Value>(partition: EfiPartition, work: (folder: string) => Promise<Value>): Promise<Value>;
  freeBytes(folder: string): Promise<number>;
}

/** "EFI System Partition" (UEFI specification, "GPT Partition Types"). */
const partitionType = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b";
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
const Listed = z.object({
  blockdevices: z.array(z.object({ path: text, pkname: text })),
});

export const linuxEfiGround: EfiGround = {
  isUefi: () => existsSync("/sys/firmware/efi/efivars"),
  run: (command) => runTool(command, limits.slowToolMs),
  async partitions(beside) {
    const devices = await listed();
    const found: typeof devices = [];
    for (const device of devices) {
      if (device.pkname !== "" && (await isSystemPartition(device.path))) found.push(device);
    }
    const disk = devices.find(({ path }) => path === beside)?.pkname;
    const nearest = [
      ...found.filter(({ pkname }) => pkname === disk),
      ...found.filter(({ pkname }) => pkname !== disk),
    ];
    return Promise.all(
      nearest.map(async ({ path, pkname }) => {
        const number = await readFile(`/sys/class/block/${basename(path)}/partition`, "utf8");
        return { device: path, disk: `/dev/${pkname}`, number: Number(number.trim()) };
      }),
    );
  },
  async atFiles({ device }, work) {
    // A mount of its own, wherever the system has it; the kernel knows that it is the same volume.
    const folder = await mkdtemp(join(tmpdir(), "volley-efi-"));
    try {
      const mount = ["mount", "-t", "vfat", "-o", "umask=077", device, folder];
      if ((await runTool(mount, limits.slowToolMs)) === null) {
        throw new VolleyError("E_STAGING", `The EFI system partition ${device} cannot be mounted`);
      }
      try {
        return await work(folder);
      } finally {
        await runTool(["umount", folder], limits.unmountMs);
      }
    } finally {
      await rmdir(folder).catch(() => {});
    }
  },
  async freeBytes(folder) {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  },
};

async function listed(): Promise<z.infer<typeof Listed>["blockdevices"]> {
  const words = ["--json", "--list", "--output", "PATH,PKNAME"];
  const output = await runTool(["lsblk", ...words], limits.slowToolMs);
  // None would mean that nothing is to be taken back.
  if (output === null) throw new VolleyError("E_STAGING", "lsblk does not tell the disks");
  return Listed.parse(JSON.parse(output)).blockdevices;
}

/** By what is on the disk: lsblk knows the types of partitions from udev alone, which the PE does not have. */
async function isSystemPartition(device: string): Promise<boolean> {
  const tags = ["-s", "TYPE", "-s", "PART_ENTRY_TYPE"];
  const output = await runTool(["blkid", "-p", "-o", "export", ...tags, device], limits.slowToolMs);
  const lines = (output ?? "").toLowerCase().split("\n");
  return lines.includes("type=vfat") && lines.includes(`part_entry_type=${partitionType}`);
}

/** Entries of ours, and whether one of them, or one that is gone, starts next; null when the firmware says nothing. */
export async function firmwareEntries(
  ground: Pick<EfiGround, "run">,
): Promise<{ ours: string[]; startsNext: boolean } | null> {
  const output = await ground.run(["efibootmgr", "--verbose"]);
  if (output === null) return null;
  const { entries } = readBootEntries(output);
  const ours = entries.filter(({ label }) => label.startsWith(efiLabel)).map(({ id }) => id);
  const next = /^BootNext:\s*([0-9A-F]{4})$/m.exec(output)?.[1];
  const isOurs = next !== undefined && (ours.includes(next) || !entries.some(({ id }) => id === next));
  return { ours, startsNext: isOurs };
}
