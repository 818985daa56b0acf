/** Staging as an installed Linux has it. */
import { join } from "node:path";
import type { Log } from "../report/logs.ts";
import type { StateFolder } from "../state-folder.ts";
import { efiEntry } from "./efi-entry.ts";
import { linuxEfiGround } from "./efi-ground.ts";
import { grubEntry } from "./grub-entry.ts";
import { kexecEntry } from "./kexec-entry.ts";
import { returnUnit } from "./return-unit.ts";
import { readBootId, Staging } from "./staging.ts";

export interface LinuxStagingOptions {
  state: StateFolder;
  /** Starts this agent again as it was started. */
  command: readonly string[];
  /** A service manager has started this agent, and will again. */
  hasService: boolean;
  log: Log;
  /** "/" but in tests. */
  root?: string;
}

/** Where the PE's files go: beside the system's own kernels, or, when that volume is small, on the root's. */
const folderName = "volley-pe";

export async function linuxStaging(options: LinuxStagingOptions): Promise<Staging> {
  const { command, hasService, log, root = "/", state } = options;
  const boot = join(root, "boot");
  return new Staging({
    state,
    places: [join(boot, folderName), join(root, "var", "lib", folderName)],
    entries: [grubEntry(boot), efiEntry(linuxEfiGround), kexecEntry()],
    returnUnit: returnUnit({ root, command, hasService }),
    bootId: await readBootId(),
    log,
  });
}
