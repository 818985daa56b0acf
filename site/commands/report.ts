/** volley report, volley reports */
import { verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import {
  DeploymentReport,
  reportMark,
  SignedReport,
  type KeptReport,
  type ReportedImage,
  type ReportKey,
} from "../../contract/deployment-report.ts";
import type { SiteClient } from "../client.ts";
import { bytesText, timeText } from "../quantities.ts";
import { text, type CommandCall, type SiteCommand } from "./command.ts";
import { findDeployment } from "./deployment.ts";
import { entriesOptions, printEntries } from "./entries.ts";
import { oneMachine } from "./machine.ts";
import { printJson, printLine, printTable } from "./output.ts";

async function fetchReport(client: SiteClient, call: CommandCall): Promise<SignedReport> {
  const file = text(call, "file");
  if (file !== undefined) return readReport(file);
  const run = text(call, "run");
  if (run !== undefined) return await client.get<SignedReport>(`/deployment-reports/${run}`);
  const machineId = await oneMachine(client, call.positionals[0] ?? "");
  const name = text(call, "deployment");
  const query = name === undefined ? "" : `?deploymentId=${(await findDeployment(client, name)).id}`;
  return await client.get<SignedReport>(`/machines/${machineId}/report${query}`);
}

function readReport(path: string): SignedReport {
  try {
    return SignedReport.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new VolleyError("E_USAGE", `${path} is no signed report: ${toVolleyError(error).detail}`);
  }
}

/** Throws E_REPORT_FORGED. */
async function check(client: SiteClient, { report, signature }: SignedReport): Promise<void> {
  const { key } = await client.get<ReportKey>("/report-key");
  if (verify(null, Buffer.from(reportMark + report), key, Buffer.from(signature, "base64"))) return;
  throw new VolleyError("E_REPORT_FORGED", "The signature is not this site's over this report.");
}

function show({ deployment, error, images, machine, sequence, steps, ...report }: DeploymentReport): void {
  const by = deployment.createdBy === "" ? "" : `, made by ${deployment.createdBy}`;
  printTable([
    ["Machine", `${machine.name}, serial ${machine.serial ?? "unknown"}`],
    ["UUID", machine.smbiosUuid ?? "unknown"],
    ["Deployment", `${deployment.name || deployment.id}${by}: ${report.state}`],
    ...(sequence === null ? [] : [["Task sequence", `${sequence.name}, version ${sequence.version}`]]),
    ["Started", report.started ?? "not known"],
    ["Ended", report.ended ?? "not yet"],
    ...images.flatMap(imageRows),
    ...(error === null ? [] : [["Error", `${error.code}: ${error.detail}`]]),
  ]);
  printLine("");
  const rows = steps.map((step) => [
    step.time,
    String(step.messageId),
    step.action || step.message,
    `0x${step.exitCode.toString(16).toUpperCase()}`,
  ]);
  printTable([["TIME (UTC)", "ID", "WHAT", "CODE"], ...rows]);
}

function imageRows({ applied, disk, packageHash, root, ...image }: ReportedImage): string[][] {
  const { chunks, device, index, kind, name, outcome, packageId } = image;
  const of = packageId === null ? name : `${name} (${packageId})`;
  const content =
    kind === "files" ? `index ${index}, SHA-256 ${packageHash ?? "unknown"}` : `root ${root ?? "unknown"}`;
  const model = disk === null ? [] : [disk.model || "model unknown", `serial ${disk.serial || "unknown"}`];
  const size = disk === null ? [] : [bytesText(disk.sizeBytes)];
  const verified = outcome?.chunksVerified;
  const state =
    applied === null
      ? "no: it is not whole"
      : verified === undefined
        ? `${applied}${kind === "files" ? ", by a program that checks its files" : ""}`
        : `${applied}, ${verified} of ${chunks ?? "its"} chunks verified`;
  return [
    ["Image", `${of}, ${content}`],
    ["  onto", [device || "no disk was chosen", ...model, ...size].join(", ")],
    ["  applied", state],
  ];
}

export const reportCommands: SiteCommand[] = [
  {
    words: "report",
    operands: "MACHINE",
    operandCount: 1,
    summary:
      "Show the signed report of a machine's latest run of a deployment: images, disks, chunks verified, each step; --json to keep it.",
    options: {
      deployment: { type: "string", value: "NAME", help: "Another deployment than its latest." },
      run: { type: "string", value: "ID", help: "An earlier run, as volley reports shows it." },
      file: { type: "string", value: "FILE", help: "A report that was kept, in the place of a fresh one." },
      verify: {
        type: "boolean",
        help: "Check that this site signed it, and that nothing of it was changed.",
      },
    },
    run: async (client, call) => {
      const signed = await fetchReport(client, call);
      if (call.values["verify"] === true) await check(client, signed);
      if (call.json) return printJson(signed);
      show(DeploymentReport.parse(JSON.parse(signed.report)));
      if (call.values["verify"] !== true) return;
      printLine("");
      printLine("The signature is this site's.");
    },
  },
  {
    words: "reports",
    operands: "",
    operandCount: 0,
    summary: "Show which runs of deployments have a signed report, the newest first.",
    options: {
      machine: { type: "string", value: "NAME", help: "Only of the machine that had that name." },
      deployment: { type: "string", value: "NAME", help: "Only of the deployment that had that name." },
      ...entriesOptions,
    },
    run: async (client, call) => {
      const query = { machine: text(call, "machine"), deployment: text(call, "deployment") };
      const head = ["ENDED (UTC)", "MACHINE", "DEPLOYMENT", "STATE", "RUN"];
      const cells = ({ deployment, ended, id, machine, state }: KeptReport): string[] => [
        timeText(ended),
        machine,
        deployment,
        state,
        id,
      ];
      await printEntries<KeptReport>(client, call, { path: "/deployment-reports", query, head, cells });
    },
  },
];
