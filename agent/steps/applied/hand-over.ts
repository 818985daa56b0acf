/** Setup Windows and ConfigMgr where a Linux was applied: the agent goes on in it after the restart. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { codes } from "../codes.ts";
import { handOverVariable } from "../services.ts";
import { runOrFail, service, setOutput, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";

/** `root`: where its root is mounted. Returns what was done, a sentence. */
export async function handOverToLinux(context: StepContext, root: string): Promise<string> {
  const places = ["usr/lib/systemd/systemd", "lib/systemd/systemd"];
  if (!places.some((place) => existsSync(join(root, place)))) {
    throw new StepFailure(
      codes.notSupported,
      "The applied Linux has no systemd, which would start the agent",
    );
  }
  await service(context, "handOver", "agent that could be handed on").toLinux(root);
  const program = "/usr/local/sbin/volley-agent";
  context.progress(0.8, "Trying the agent in the new system");
  await runOrFail(context, "start the agent in the applied Linux (it takes glibc and libstdc++)", {
    command: ["chroot", root, program, "--version"],
  });
  // What was written to the volumes has to be on them before the computer restarts.
  await runOrFail(context, "write everything to the disks", { command: ["sync"] });
  setOutput(context, handOverVariable, root);
  context.variables.set("SMSTSRebootRequested", "HD");
  return "The agent goes on in the applied Linux after the restart";
}
