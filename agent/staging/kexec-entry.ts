/**
 * One start by the kernel that runs, where no boot loader can be told: kexec leaves nothing on the disk. The kernel checks
 * the signature of what it starts when it is locked down (kexec_file_load(2)), which Debian's kernel has.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { runTool } from "../platform/run-tool.ts";
import type { BootEntry } from "./boot-entry.ts";

const wholeName = "initrd.whole";

export function kexecEntry(): BootEntry {
  return {
    kind: "kexec",
    copies: 2,
    async obstacle() {
      const version = await runTool(["kexec", "--version"], limits.toolTimeMs);
      return version === null ? "The program kexec (package kexec-tools) is not installed." : null;
    },
    async arm({ commandLine, initrds, kernel }) {
      const whole = join(dirname(kernel), wholeName);
      await rm(whole, { force: true });
      for (const path of initrds) {
        await pipeline(createReadStream(path), createWriteStream(whole, { flags: "a", mode: 0o600 }));
      }
      const words = [kernel, `--initrd=${whole}`, `--command-line=${commandLine}`];
      const isLoaded =
        (await runTool(["kexec", "--load", "--kexec-file-syscall", ...words], limits.kexecMs)) !== null;
      // The kernel has it in memory.
      await rm(whole, { force: true });
      if (!isLoaded) {
        throw new VolleyError("E_STAGING", "The running kernel does not take the PE's (kexec)");
      }
    },
    async restart() {
      // Services are ended first where there is a manager of them.
      if ((await runTool(["systemctl", "kexec"], limits.kexecMs)) !== null) return;
      if ((await runTool(["kexec", "--exec"], limits.kexecMs)) !== null) return;
      throw new VolleyError("E_STAGING", "Neither systemctl nor kexec starts the PE's kernel");
    },
    async disarm() {
      // Where nothing is loaded it says so, and after a restart nothing is.
      await runTool(["kexec", "--unload", "--kexec-file-syscall"], limits.kexecMs);
    },
  };
}
