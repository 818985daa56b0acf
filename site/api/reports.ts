/**
 * POST /reports: what machines tell durably. Each is applied once, and acknowledged as often as it comes.
 * GET /deployments/:id/machines/:machineId/statuses: what one of them told of its task sequence's steps.
 */
import { z } from "zod";
import { Identifier } from "../../contract/common.ts";
import { ReportsRequest, type ReportsAnswer } from "../../contract/report.ts";
import type { ApiContext } from "./context.ts";
import { keepEndedRuns } from "./deployment-reports.ts";
import { machineOf, parse } from "./routes.ts";
import type { Route } from "./route.ts";

const Place = z.object({ id: Identifier, machineId: Identifier });

export function reportRoutes(context: ApiContext): Route[] {
  const { director, machineLogs, room, store } = context;
  return [
    {
      method: "POST",
      path: "/reports",
      who: "machine",
      beforeApproval: true,
      handle: async (call): Promise<z.infer<typeof ReportsAnswer>> => {
        const machineId = machineOf(call);
        const { reports } = parse(ReportsRequest, call.request.body);
        // What the same message tells of the work comes after its start.
        const before = new Date(Date.now() - 1).toISOString();
        const fresh = await store.reports.take(machineId, reports);
        for (const report of fresh) {
          if (report.kind === "started" && !report.resume) {
            await store.pxe.noteStarted(report.deploymentId, machineId, before);
          }
          if (report.kind === "succeeded" || report.kind === "failed") {
            await director.finished(report.deploymentId, machineId);
            await store.sequenceRuns.removeCheckpoint(report.deploymentId, machineId);
          }
        }
        // Before they are acknowledged: what comes again after a crash is no longer fresh.
        await keepEndedRuns(context, machineId, reports);
        if (fresh.length > 0) room.changed("machines", machineId);
        const acknowledged = reports.map((report) => report.id);
        return { acknowledged, ...machineLogs.takeWanted(machineId) };
      },
    },
    {
      method: "GET",
      path: "/deployments/:id/machines/:machineId/statuses",
      who: "viewer",
      handle: (call) => {
        const { id, machineId } = parse(Place, call.request.params);
        return store.reports.statuses(id, machineId);
      },
    },
  ];
}
