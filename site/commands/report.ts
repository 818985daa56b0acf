/** volley report */
import { verify } from "node:crypto";
import { readFileSync } from "node:fs";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import {
  DeploymentReport,
  reportMark,
  SignedReport,
  type ReportKey,
} from "../../contract/deployment-report.ts";
import type { SiteClient } from "../client.ts";
import { bytesText } from "../quantities.ts";
import { text, type CommandCall, type SiteCommand } from "./command.ts";
import { findDeployment } from "./deployment.ts";
import { oneMachine } from "./machine.ts";
import { printJson, printLine, printTable } from "./output.ts";

async function fetchReport(client: SiteClient, call: CommandCall): Promise<SignedReport> {
  const file = text(call, "file");
  if (file !== undefined) return readReport(file);
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

function show({ deployment, disk, error, image, machine, steps, ...report }: DeploymentReport): void {
  const shown = image === null ? "as the task sequence says" : `${image.name}, root ${image.root}`;
  const verified =
    image === null || report.chunksVerified === null
      ? "not known"
      : `${report.chunksVerified} of ${image.chunks}`;
  printTable([
    ["Machine", `${machine.name}, serial ${machine.serial ?? "unknown"}`],
    ["UUID", machine.smbiosUuid ?? "unknown"],
    ["Deployment", `${deployment.name}: ${report.state}`],
    ["Started", report.started ?? "not known"],
    ["Ended", report.ended ?? "not known"],
    ["Image", shown],
    [
      "Disk",
      disk === null ? "not known" : `${disk.model}, serial ${disk.serial}, ${bytesText(disk.sizeBytes)}`,
    ],
    ["Chunks verified", verified],
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

export const reportCommands: SiteCommand[] = [
  {
    words: "report",
    operands: "MACHINE",
    operandCount: 1,
    summary:
      "Show the signed report of a machine's deployment: disk, image, chunks verified, each step; --json to keep it.",
    options: {
      deployment: { type: "string", value: "NAME", help: "Another deployment than its latest." },
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
];
