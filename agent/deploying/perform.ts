/** One deployment on this machine, an image or a task sequence: done, and reported however it ended. */
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import type { Outcome } from "../../contract/report.ts";
import { bringLog } from "./bring-log.ts";
import { deployImageToDisk } from "./deploy-image.ts";
import { dropHandOver } from "./hand-over.ts";
import type { Deployment, Performer, TellFailure } from "./performer.ts";
import { tellSite } from "./tell-site.ts";
import { leavesUnfinished } from "./unfinished.ts";

/**
 * Null for a task sequence. Throws what ended it, after reporting it; E_CANCELLED and E_RESTART_NEEDED leave the
 * checkpoint and report nothing.
 */
export async function perform(deployment: Deployment, by: Performer): Promise<Outcome | null> {
  let isTold = false;
  const tellFailure = async (failure: VolleyError): Promise<void> => {
    if (isTold) return;
    isTold = true;
    dropHandOver(by.state);
    reportFailure(deployment, failure, by);
    by.log.detail(failure.toString(), "error");
    await bringLog(deployment.id, { ...by, redactor: by.sequences.redactor });
  };
  try {
    return await performWhat(deployment, by, tellFailure);
  } catch (error) {
    const failure = toVolleyError(error);
    if (!leavesUnfinished(failure)) await tellFailure(failure);
    throw failure;
  } finally {
    by.screen.settle();
  }
}

async function performWhat(
  deployment: Deployment,
  by: Performer,
  tellFailure: TellFailure,
): Promise<Outcome | null> {
  const { id: deploymentId, image, name, sequence } = deployment;
  if (sequence !== null) {
    by.log.info(`Deployment "${name}" wants task sequence "${sequence.name}" run on this machine`);
    // The eighty kinds of steps are loaded only by who runs a sequence.
    const { deploySequence } = await import("./deploy-sequence.ts");
    await deploySequence({ ...deployment, sequence }, by, tellFailure);
    dropHandOver(by.state);
    by.delivery.tell({ kind: "succeeded", deploymentId, outcome: null });
    return null;
  }
  if (image === null) throw new VolleyError("E_INTERNAL", `Deployment "${name}" deploys nothing`);
  by.log.info(`Deployment "${name}" wants image "${image.name}" on this machine`);
  return deployImageToDisk({ ...deployment, image }, by);
}

function reportFailure(deployment: Deployment, failure: VolleyError, by: Performer): void {
  const { code, detail } = failure;
  const error = { code, detail, remedy: failure.entry.remedy };
  // The failure itself is what has to come out.
  tellSite({ kind: "failed", deploymentId: deployment.id, error }, by);
}
