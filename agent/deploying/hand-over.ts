/**
 * Going on in an operating system that was just applied: the agent, what makes it this machine to its site, and the place
 * in the sequence, on the new system's volume.
 */
import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { Identifier } from "../../contract/common.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { runTool } from "../platform/run-tool.ts";
import type { RanSequence } from "../sequence/run.ts";
import type { Enrolment } from "../site/site-client.ts";
import { linuxStateFolder, stateFiles, type StateFolder } from "../state-folder.ts";
import { handOverVariable, type HandOver } from "../steps/services.ts";
import type { Performer, SequenceDeployment } from "./performer.ts";

/** Below the root of the new system. */
const programPath = "usr/local/sbin/volley-agent";
const unitPath = "etc/systemd/system/volley-agent.service";
const wantedPath = "etc/systemd/system/multi-user.target.wants/volley-agent.service";

/** What the agent of the new system is to go on with. Without it that agent has nothing to do. */
const Kept = z.object({
  site: z.string(),
  deploymentId: Identifier,
  disk: z.string().nullable(),
  /** The person at the PE wanted not to be asked. */
  yes: z.boolean().default(false),
});
export type HandedOver = z.infer<typeof Kept>;

export function readHandOver(state: StateFolder): HandedOver | null {
  return state.read(stateFiles.handOver, Kept);
}

/** `state`: of the agent that is to go on. Its authority is put there too. */
export function writeHandOver(
  state: StateFolder,
  { authority, site }: Pick<Enrolment, "authority" | "site">,
  handed: Omit<HandedOver, "site">,
): void {
  state.write(stateFiles.authority, { site, authority });
  state.write(stateFiles.handOver, { ...handed, site: `https://${site}` });
}

/** The run has ended, or is this machine's no longer. */
export function dropHandOver(state: StateFolder): void {
  state.remove(stateFiles.handOver);
}

/** `sequenceFolder`: of this run, inside the state folder. */
export function handOver(
  deployment: SequenceDeployment,
  sequenceFolder: string,
  by: Performer,
): HandOver & { finish(ran: RanSequence): Promise<void> } {
  /** What the new system needs, whole and flushed in `folder`. */
  const makeState = async (folder: string, withPlace: boolean): Promise<void> => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of [stateFiles.enrolment, stateFiles.outbox]) {
      if (existsSync(join(by.state.path, name))) await cp(join(by.state.path, name), join(folder, name));
    }
    const { authority, site } = await by.site.enrol();
    const own = join(folder, "deployments", deployment.id);
    await mkdir(own, { recursive: true, mode: 0o700 });
    for (const name of await readdir(sequenceFolder)) {
      // The new volume is mounted below "work"; a socket is this process's own.
      const stays =
        name === "work" || name.endsWith(".socket") || (!withPlace && name === stateFiles.checkpoint);
      if (!stays) await cp(join(sequenceFolder, name), join(own, name), { recursive: true });
    }
    const kept: HandedOver = {
      site: `https://${site}`,
      deploymentId: deployment.id,
      disk: by.disk,
      yes: by.yes,
    };
    await writeFile(join(folder, stateFiles.authority), JSON.stringify({ site, authority }), { mode: 0o600 });
    await writeFile(join(folder, stateFiles.handOver), JSON.stringify(kept), { mode: 0o600 });
    await flush(folder);
  };
  /** What is there already stays until all of the new is beside it. */
  const copyState = async (root: string, withPlace: boolean): Promise<void> => {
    const target = join(root, linuxStateFolder);
    const beside = `${target}.new`;
    try {
      await makeState(beside, withPlace);
      if (withPlace && existsSync(join(target, stateFiles.handOver))) {
        await moveOver(beside, target);
        await flush(target);
      } else {
        // An image may have brought another machine's.
        await rm(target, { recursive: true, force: true });
        await rename(beside, target);
      }
    } finally {
      await rm(beside, { recursive: true, force: true });
    }
    await copyLogs(target);
  };
  /** To be read by people; nothing goes on by them. */
  const copyLogs = async (target: string): Promise<void> => {
    const logs = join(by.state.path, "logs");
    if (!existsSync(logs)) return;
    await cp(logs, join(target, "logs"), { recursive: true }).catch((error: unknown) => {
      by.log.warning(`The new system gets no copy of the logs: ${toVolleyError(error).detail}`);
    });
  };
  return {
    async toLinux(root) {
      if (by.program === null) {
        throw new VolleyError("E_TOOL_MISSING", "This agent runs from its sources and cannot be handed on");
      }
      await place(join(root, programPath), 0o755, (path) => copyFile(by.program ?? "", path));
      await place(join(root, unitPath), 0o644, (path) => writeFile(path, unit));
      await mkdir(dirname(join(root, wantedPath)), { recursive: true });
      await rm(join(root, wantedPath), { force: true });
      await symlink(`/${unitPath}`, join(root, wantedPath));
      // Its place follows at the restart. Should the power fail before, the site has it.
      await copyState(root, false);
    },
    /** Before the restart, while the new system's volume is still mounted. The site has what cannot be handed on. */
    async finish({ end, environment }) {
      const root = environment.get(handOverVariable);
      if (root === "" || end.kind !== "restart" || end.target !== "HD") return;
      await by.delivery.settle(limits.outboxFarewellMs);
      try {
        if (existsSync(join(root, programPath))) await copyState(root, true);
        await runTool(["sync"], limits.unmountMs);
      } catch (error) {
        by.log.warning(
          `The new system gets no copy of the place in the sequence: ${toVolleyError(error).detail}`,
        );
      }
    },
  };
}

/** Each file whole, the old or the new, and where the run stands last. */
async function moveOver(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o700 });
  const entries = await readdir(from, { withFileTypes: true });
  entries.sort(
    (one, other) => Number(one.name === stateFiles.checkpoint) - Number(other.name === stateFiles.checkpoint),
  );
  for (const entry of entries) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await moveOver(source, target);
    else await rename(source, target);
  }
}

async function flush(folder: string): Promise<void> {
  // By its short name alone busybox knows it, too.
  if ((await runTool(["sync", "-f", folder], limits.unmountMs)) !== null) return;
  throw new VolleyError("E_STAGING", `What was written to ${folder} cannot be flushed to its disk`);
}

async function place(path: string, mode: number, make: (path: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await make(path);
  await chmod(path, mode);
}

/** Ends by itself with the sequence. It is not run again after that: what it goes on with is gone then. */
const unit = `[Unit]
Description=Volley: goes on with the task sequence that deployed this system
ConditionPathExists=/${linuxStateFolder}/${stateFiles.handOver}
After=network.target
StartLimitIntervalSec=0

[Service]
ExecStart=/${programPath} resume
Restart=on-failure
RestartSec=10
StandardOutput=journal+console
StandardError=journal+console

[Install]
WantedBy=multi-user.target
`;
