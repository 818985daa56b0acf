/** What a run of a deployment on a machine came to, as a report that the site signs, and keeps once the run has ended. */
import type { ImageRecord, MachineRecord } from "../../contract/administration.ts";
import {
  KeptReportQuery,
  ReportQuery,
  reportMark,
  type DeploymentReport,
  type KeptReport,
  type ReportedImage,
  type ReportKey,
  type SignedReport,
} from "../../contract/deployment-report.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { Report } from "../../contract/report.ts";
import type { RunReport } from "../store/run-reports.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, parse } from "./routes.ts";
import type { Route } from "./route.ts";
import { reportOfRun } from "./run-report.ts";

export function deploymentReportRoutes(context: ApiContext): Route[] {
  const { authority, store } = context;
  const who = "viewer";
  return [
    { method: "GET", path: "/report-key", who, handle: (): ReportKey => ({ key: authority.manifestKey }) },
    {
      method: "GET",
      path: "/machines/:id/report",
      who,
      handle: ({ request }): Promise<SignedReport> => {
        const { deploymentId } = parse(ReportQuery, request.query);
        return latestReport(context, identifierOf(request, "machine"), deploymentId);
      },
    },
    {
      method: "GET",
      path: "/deployment-reports",
      who,
      handle: ({ request }): Promise<KeptReport[]> =>
        store.deploymentReports.list(parse(KeptReportQuery, request.query)),
    },
    {
      method: "GET",
      path: "/deployment-reports/:id",
      who,
      handle: async ({ request }): Promise<SignedReport> => {
        const id = identifierOf(request, "report");
        const found = await store.deploymentReports.find(id);
        if (found === undefined) throw new VolleyError("E_NOT_FOUND", `There is no report ${id}.`);
        return found;
      },
    },
  ];
}

/** Signs and keeps the report of each run that one of them ends. Again it changes nothing. */
export async function keepEndedRuns(
  context: ApiContext,
  machineId: string,
  reports: readonly Report[],
): Promise<void> {
  const { deploymentReports, reports: told } = context.store;
  for (const { deploymentId, id, kind } of reports) {
    if (kind !== "succeeded" && kind !== "failed") continue;
    if (await deploymentReports.has(machineId, id)) continue;
    const run = await told.run(deploymentId, machineId, id);
    const report = await reportOf(context, await machineOf(context, machineId), deploymentId, run);
    await deploymentReports.keep(id, report, signed(context, report));
  }
}

/** Of a run that goes on it is made now; else it is the one that was kept last. */
async function latestReport(
  context: ApiContext,
  machineId: string,
  wanted: string | undefined,
): Promise<SignedReport> {
  const { deploymentReports, reports } = context.store;
  const deploymentId = wanted ?? (await reports.latestDeployment(machineId));
  const run = deploymentId === undefined ? [] : await reports.run(deploymentId, machineId);
  if (deploymentId !== undefined && run.length > 0) {
    return signed(context, await reportOf(context, await machineOf(context, machineId), deploymentId, run));
  }
  const [latest] = await deploymentReports.list({ machineId, deploymentId: wanted, limit: 1 });
  const kept = latest && (await deploymentReports.find(latest.id));
  if (kept !== undefined) return kept;
  const { facts } = await machineOf(context, machineId);
  const what = wanted === undefined ? "a deployment" : `deployment ${wanted}`;
  throw new VolleyError("E_NOT_FOUND", `${facts.name} has told nothing of ${what}.`);
}

async function machineOf({ store }: ApiContext, id: string): Promise<MachineRecord> {
  const [machine] = await store.machines.list([id]);
  if (machine === undefined) throw new VolleyError("E_NOT_FOUND", `There is no machine ${id}.`);
  return machine;
}

function signed({ authority }: ApiContext, made: DeploymentReport): SignedReport {
  const report = JSON.stringify(made);
  return { report, signature: authority.signManifest(Buffer.from(reportMark + report)).toString("base64") };
}

async function reportOf(
  { authority, store }: ApiContext,
  { facts, id: machineId }: MachineRecord,
  deploymentId: string,
  run: readonly RunReport[],
): Promise<DeploymentReport> {
  const deployment = await store.deployments.find(deploymentId);
  const sequence = deployment && (await store.sequences.heldBy(deployment, machineId, false));
  const ownId = deployment?.sequenceId === null ? deployment.imageId : null;
  const own = ownId === null ? undefined : await store.images.find(ownId);
  const part = reportOfRun(run, own ?? null);
  const images = await Promise.all(part.images.map((image) => withSize(store, image)));
  const { macAddresses, manufacturer, model, name, serial, smbiosUuid } = facts;
  return {
    made: new Date().toISOString(),
    site: authority.fingerprint,
    machine: { id: machineId, name, smbiosUuid, serial, manufacturer, model, macAddresses },
    deployment: {
      id: deploymentId,
      name: deployment?.name ?? "",
      createdBy: deployment?.createdBy ?? "",
      created: deployment?.created ?? null,
    },
    sequence: sequence ? { name: sequence.name, version: sequence.version, hash: sequence.hash } : null,
    ...part,
    images,
  };
}

/** As the library has what the machine named. */
async function withSize(store: ApiContext["store"], image: ReportedImage): Promise<ReportedImage> {
  if (image.root === null || image.packageId === null) return image;
  const imageId = (await store.packages.find(image.packageId))?.imageId ?? null;
  const stored: ImageRecord | undefined = imageId === null ? undefined : await store.images.find(imageId);
  return stored?.root === image.root ? { ...image, bytes: stored.bytes, chunks: stored.chunks } : image;
}
