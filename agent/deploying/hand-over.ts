/**
 * Going on in an operating system that was just applied: the agent, what makes it this machine to its site, and the place
 * in the sequence, on the new system's volume.
 */
import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { Identifier } from "../../contract/common.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { runTool } from "../platform/run-tool.ts";
import type { RanSequence } from "../sequence/run.ts";
import type { Enrolment } from "../site/site-client.ts";
import type { StateFolder } from "../state-folder.ts";
import type { HandOver } from "../steps/services.ts";
import type { Performer, SequenceDeployment } from "./performer.ts";

/** Below the root of the new system. */
const programPath = "usr/local/sbin/volley-agent";
const unitPath = "etc/systemd/system/volley-agent.service";
const wantedPath = "etc/systemd/system/multi-user.target.wants/volley-agent.service";
const statePath = "var/lib/volley-agent";
export const handOverFile = "hand-over.json";
const placeFile = "sequence-checkpoint.json";
const handOverVariable = "_VolleyHandOver";

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
  return state.read(handOverFile, Kept);
}

/** `state`: of the agent that is to go on. Its authority is put there too. */
export function writeHandOver(
  state: StateFolder,
  { authority, site }: Pick<Enrolment, "authority" | "site">,
  handed: Omit<HandedOver, "site">,
): void {
  state.write("authority.json", { site, authority });
  state.write(handOverFile, { ...handed, site: `https://${site}` });
}

/** The run has ended, or is this machine's no longer. */
export function dropHandOver(state: StateFolder): void {
  state.remove(handOverFile);
}

/** `sequenceFolder`: of this run, inside the state folder. */
export function handOver(
  deployment: SequenceDeployment,
  sequenceFolder: string,
  by: Performer,
): HandOver & { finish(ran: RanSequence): Promise<void> } {
  const copyState = async (root: string, withPlace: boolean): Promise<void> => {
    const target = join(root, statePath);
    await rm(target, { recursive: true, force: true });
    await mkdir(target, { recursive: true, mode: 0o700 });
    const names = ["enrolment.json", "outbox.jsonl", "logs"];
    for (const name of names.filter((one) => existsSync(join(by.state.path, one)))) {
      await cp(join(by.state.path, name), join(target, name), { recursive: true });
    }
    const { authority, site } = await by.site.enrol();
    const folder = join(target, "deployments", deployment.id);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(sequenceFolder)) {
      // The new volume is mounted below "work"; a socket is this process's own.
      const stays = name === "work" || name.endsWith(".socket") || (!withPlace && name === placeFile);
      if (!stays) await cp(join(sequenceFolder, name), join(folder, name), { recursive: true });
    }
    const kept: HandedOver = {
      site: `https://${site}`,
      deploymentId: deployment.id,
      disk: by.disk,
      yes: by.yes,
    };
    await writeFile(join(target, "authority.json"), JSON.stringify({ site, authority }), { mode: 0o600 });
    await writeFile(join(target, handOverFile), JSON.stringify(kept), { mode: 0o600 });
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

async function place(path: string, mode: number, make: (path: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { force: true });
  await make(path);
  await chmod(path, mode);
}

/** Ends by itself with the sequence. It is not run again after that: what it goes on with is gone then. */
const unit = `[Unit]
Description=Volley: goes on with the task sequence that deployed this system
ConditionPathExists=/${statePath}/${handOverFile}
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
