/**
 * One start by the GRUB that is installed, with BIOS and UEFI: an entry in custom.cfg, which GRUB's own configuration
 * reads, and next_entry, which it forgets before it starts what that names (GRUB manual, "grub-reboot"). With Secure Boot
 * the machine's own signed GRUB asks shim whether the kernel is signed, which Debian's is.
 */
import { existsSync } from "node:fs";
import { readFile, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { runTool } from "../platform/run-tool.ts";
import { writeWhole } from "../state-folder.ts";
import type { BootEntry, StagedFiles } from "./boot-entry.ts";
import { isPlainDevice, pathOnVolume, volumeAt } from "./volume.ts";

const entryName = "volley-pe";
const begin = "### volley: the restart into its PE begins; the agent takes this away ###\n";
const end = "### volley: the restart into its PE ends ###\n";

/** Debian's and its kin's, then Fedora's: folder below /boot, and the program for the environment block. */
const places = [
  { folder: "grub", editor: "grub-editenv" },
  { folder: "grub2", editor: "grub2-editenv" },
];

/** File systems in which GRUB overwrites a block of a file that is there, on a plain partition ("save_env"). */
const writable = new Set(["ext2", "ext3", "ext4", "vfat", "xfs"]);

/** `boot`: where /boot is. */
export function grubEntry(boot: string): BootEntry {
  const place = places.find(({ folder }) => existsSync(join(boot, folder, "grub.cfg")));
  const folder = join(boot, place?.folder ?? "grub");
  const custom = join(folder, "custom.cfg");
  const environment = join(folder, "grubenv");
  const edit = (...words: string[]): Promise<string | null> =>
    runTool([place?.editor ?? "grub-editenv", environment, ...words], limits.toolTimeMs);

  return {
    kind: "grub",
    copies: 1,
    async obstacle(files) {
      if (place === undefined) return `There is no configuration of GRUB in ${boot}.`;
      const text = await readFile(join(folder, "grub.cfg"), "utf8");
      if (!text.includes("next_entry") || !text.includes("custom.cfg")) {
        return `${join(folder, "grub.cfg")} knows neither next_entry nor custom.cfg.`;
      }
      const own = await volumeAt(folder);
      if (own === null) return "findmnt does not say where /boot is.";
      if (!isPlainDevice(own.device) || !writable.has(own.fileSystem)) {
        return `GRUB cannot write to ${own.fileSystem} on ${own.device}, so the entry would be started each time.`;
      }
      if (files.uuid === "") return `The file system at ${files.mountPoint} has no UUID to find it by.`;
      if (!existsSync(environment)) return `There is no ${environment}.`;
      return (await edit("list")) === null ? `${place.editor} does not read ${environment}.` : null;
    },
    async arm(files) {
      const before = existsSync(custom) ? await readFile(custom, "utf8") : null;
      const mode = before === null ? 0o600 : (await stat(custom)).mode & 0o777;
      writeWhole(custom, without(before ?? "") + entryText(files), mode);
      if ((await edit("set", `next_entry=${entryName}`)) === null) {
        throw new VolleyError("E_STAGING", `${environment} does not take the next entry`);
      }
    },
    async disarm() {
      const text = existsSync(custom) ? await readFile(custom, "utf8") : "";
      const rest = without(text);
      const variables = existsSync(environment) ? ((await edit("list")) ?? "").split("\n") : [];
      // GRUB empties the variable of what it has started, and does not remove it.
      const isStarted = rest !== text && variables.includes("next_entry=");
      if (isStarted || variables.includes(`next_entry=${entryName}`)) {
        if ((await edit("unset", "next_entry")) === null) {
          throw new VolleyError("E_STAGING", `${environment} does not give the next entry back`);
        }
      }
      if (rest === text) return;
      if (rest === "") await rm(custom);
      else writeWhole(custom, rest, (await stat(custom)).mode & 0o777);
    },
  };
}

function entryText({ commandLine, initrds, kernel, volume }: StagedFiles): string {
  const on = (path: string): string => pathOnVolume(volume, path);
  return `${begin}menuentry "Volley (${basename(kernel)})" --id ${entryName} --unrestricted {
  search --no-floppy --fs-uuid --set=root ${volume.uuid}
  linux ${on(kernel)} ${commandLine}
  initrd ${initrds.map(on).join(" ")}
}
if [ "$default" = "${entryName}" ]; then set timeout=0; set fallback=0; fi
${end}`;
}

/** The text without the entry, byte for byte as it was. */
function without(text: string): string {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  return from < 0 || to < from ? text : text.slice(0, from) + text.slice(to + end.length);
}
