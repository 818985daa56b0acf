/** A machine's deployment as a report that the site signs. */
import { z } from "zod";
import type { MachineRecord } from "../../contract/administration.ts";
import { Identifier } from "../../contract/common.ts";
import {
  reportMark,
  type DeploymentReport,
  type ReportKey,
  type SignedReport,
} from "../../contract/deployment-report.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { ownMessages, type StatusEntry } from "../../contract/status-messages.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, parse } from "./routes.ts";
import type { Route } from "./route.ts";

const Query = z.object({ deploymentId: Identifier.optional() });
const begins = new Set<number>([ownMessages.started.messageId, 11_140, 11_144]);
const ends = new Set<number>([ownMessages.succeeded.messageId, ownMessages.failed.messageId]);

export function deploymentReportRoutes(context: ApiContext): Route[] {
  const { authority, room } = context;
  return [
    {
      method: "GET",
      path: "/report-key",
      who: "viewer",
      handle: (): ReportKey => ({ key: authority.manifestKey }),
    },
    {
      method: "GET",
      path: "/machines/:id/report",
      who: "viewer",
      handle: async ({ request }): Promise<SignedReport> => {
        const machineId = identifierOf(request, "machine");
        const machine = (await room.machines()).find(({ id }) => id === machineId);
        if (machine === undefined) throw new VolleyError("E_NOT_FOUND", `There is no machine ${machineId}.`);
        const deploymentId = parse(Query, request.query).deploymentId ?? machine.deploymentId;
        if (deploymentId === null) {
          throw new VolleyError("E_NOT_FOUND", `${machine.facts.name} has had no deployment.`);
        }
        const report = JSON.stringify(await reportOf(context, machine, deploymentId));
        const signature = authority.signManifest(Buffer.from(reportMark + report)).toString("base64");
        return { report, signature };
      },
    },
  ];
}

/** Throws E_NOT_FOUND when the machine was not given the deployment. */
async function reportOf(
  { authority, store }: ApiContext,
  machine: MachineRecord,
  deploymentId: string,
): Promise<DeploymentReport> {
  const deployment = await store.deployments.find(deploymentId);
  const work = await store.reports.work(deploymentId, machine.id);
  if (deployment === undefined || work === undefined) {
    throw new VolleyError("E_NOT_FOUND", `${machine.facts.name} was not given deployment ${deploymentId}.`);
  }
  const image = deployment.imageId === null ? undefined : await store.images.find(deployment.imageId);
  const sequence =
    deployment.sequenceId === null ? undefined : await store.sequences.find(deployment.sequenceId);
  const query = { machineId: machine.id, deploymentId, limit: limits.statusAnswerMost };
  const messages = (await store.statusMessages.list(query)).toReversed();
  const { error, outcome, plan, state } = work;
  const isWhole = state === "succeeded" && outcome !== null && image?.root === outcome.root;
  return {
    made: new Date().toISOString(),
    site: authority.fingerprint,
    machine: whoIs(machine),
    deployment: { id: deployment.id, name: deployment.name },
    image: image ? { name: image.name, root: image.root, bytes: image.bytes, chunks: image.chunks } : null,
    sequence: sequence ? { name: sequence.name, hash: sequence.hash } : null,
    disk: plan && { device: plan.device, model: plan.model, serial: plan.serial, sizeBytes: plan.sizeBytes },
    state,
    started: messages.find(({ messageId }) => begins.has(messageId))?.time ?? null,
    ended: messages.findLast(({ messageId }) => ends.has(messageId))?.time ?? null,
    chunksVerified: isWhole ? image.chunks : null,
    outcome,
    error: error && { code: error.code, detail: error.detail },
    steps: messages.map(stepOf),
  };
}

function whoIs({ facts, id }: MachineRecord): DeploymentReport["machine"] {
  const { macAddresses, manufacturer, model, name, serial, smbiosUuid } = facts;
  return { id, name, smbiosUuid, serial, manufacturer, model, macAddresses };
}

function stepOf({ action, exitCode, group, message, messageId, step, time }: StatusEntry) {
  return { time, messageId, message, step, group, action, exitCode };
}
