/** volley sequence add | list | show | versions | status | remove */
import { basename, parse, resolve } from "node:path";
import type { MachineRecord } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { KeptStatus } from "../../contract/report.ts";
import type { SequenceDetail, SequenceRecord } from "../../contract/sequence.ts";
import { bytesText, minuteText, timeText } from "../quantities.ts";
import { text, type SiteCommand } from "./command.ts";
import { findDeployment, findMachines } from "./deployment.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { findSequence } from "./sequence-names.ts";
import { uploadFile } from "./upload.ts";

function printProblems({ check, unchecked }: SequenceDetail): void {
  if (unchecked !== "") printLine(`It is not checked: ${unchecked}`);
  for (const { line, severity, text: what } of check?.problems ?? []) {
    printLine(`line ${line}: ${severity}: ${what}`);
  }
}

export const sequenceCommands: SiteCommand[] = [
  {
    words: "sequence add",
    operands: "FILE",
    operandCount: 1,
    summary:
      "Take a task sequence, or a new version: Configuration Manager's or MDT's XML, or the console's .zip.",
    options: {
      name: { type: "string", value: "NAME", help: "Its name at the site; the file's without it." },
      id: { type: "string", value: "ID", help: "The identifier by which other sequences run it as a child." },
    },
    run: async (client, call) => {
      const path = resolve(call.positionals[0] ?? "");
      const fileName = basename(path);
      const name = text(call, "name") ?? parse(fileName).name;
      const uploadId = await uploadFile(client, path, call.json);
      const added = await client.post<SequenceRecord>("/sequences", {
        name,
        packageId: text(call, "id") ?? null,
        fileName,
        uploadId,
      });
      if (call.json) printJson(added);
      else {
        printLine(`Task sequence ${name} is at the site as version ${added.version}: SHA-256 ${added.hash}.`);
        printProblems(await client.get<SequenceDetail>(`/sequences/${added.id}`));
      }
    },
  },
  {
    words: "sequence list",
    operands: "",
    operandCount: 0,
    summary: "List the task sequences.",
    options: {},
    run: async (client, call) => {
      const sequences = await client.get<SequenceRecord[]>("/sequences");
      if (call.json) return printJson(sequences);
      const rows = sequences.map(({ added, bytes, fileName, hash, name, packageId, version }) => [
        name,
        String(version),
        packageId ?? "",
        fileName,
        bytesText(bytes),
        minuteText(added),
        hash,
      ]);
      printTable([["NAME", "VERSION", "IDENTIFIER", "FILE", "SIZE", "ADDED", "SHA-256"], ...rows]);
    },
  },
  {
    words: "sequence versions",
    operands: "NAME",
    operandCount: 1,
    summary: "List the versions of a task sequence, and what deploys each.",
    options: {},
    run: async (client, call) => {
      const all = await client.get<SequenceRecord[]>("/sequences?versions=all");
      const found = all.filter(({ name }) => name === call.positionals[0]);
      if (found.length === 0) {
        throw new VolleyError("E_NOT_FOUND", `There is no task sequence ${call.positionals[0] ?? ""}.`);
      }
      if (call.json) return printJson(found);
      const rows = [];
      for (const { added, hash, id, version } of found) {
        const { deployments } = await client.get<SequenceDetail>(`/sequences/${id}`);
        rows.push([String(version), minuteText(added), deployments.join(", "), hash]);
      }
      printTable([["VERSION", "ADDED", "DEPLOYED BY", "SHA-256"], ...rows]);
    },
  },
  {
    words: "sequence show",
    operands: "NAME",
    operandCount: 1,
    summary: "Show what a task sequence does where, and what is wrong in it; of NAME@2 its version 2.",
    options: {},
    run: async (client, call) => {
      const { id } = await findSequence(client, call.positionals[0] ?? "");
      const detail = await client.get<SequenceDetail>(`/sequences/${id}`);
      if (call.json) return printJson(detail);
      const words = { real: "yes", adapted: "adapted", unsupported: "no", unknown: "?" };
      const rows = (detail.check?.steps ?? []).map(({ disabled, name, path, support }) => [
        path,
        disabled ? `${name} (disabled)` : name,
        words[support.winpe],
        words[support.linuxpe],
        words[support.windows],
        words[support.linux],
      ]);
      printTable([["GROUP", "STEP", "WINPE", "LINUX PE", "WINDOWS", "LINUX"], ...rows]);
      const needed = (detail.check?.packages ?? [])
        .filter((one) => one.needed !== false)
        .map((one) => one.id);
      if (needed.length > 0) printLine(`Content that is needed: ${needed.join(" ")}`);
      printProblems(detail);
    },
  },
  {
    words: "sequence status",
    operands: "DEPLOYMENT MACHINE",
    operandCount: 2,
    summary: "Show what each step of a deployment's task sequence came to on a machine.",
    options: {},
    run: async (client, call) => {
      const [deploymentName = "", machineName = ""] = call.positionals;
      const { id } = await findDeployment(client, deploymentName);
      const found = await findMachines(client, machineName);
      const [machineId, more] = found;
      if (found === "all" || machineId === undefined || more !== undefined) {
        throw new VolleyError("E_USAGE", "One machine is to be named.");
      }
      const path = `/deployments/${id}/machines/${machineId}/statuses`;
      const statuses = await client.get<KeptStatus[]>(path);
      if (call.json) return printJson(statuses);
      const rows = statuses.map(({ action, exitCode, group, messageId, messageName, step, time }) => [
        timeText(time),
        step === 0 ? "" : String(step),
        group,
        action,
        `0x${exitCode.toString(16).toUpperCase().padStart(8, "0")}`,
        `${messageId} ${messageName.replace(/^The task sequence execution engine /, "")}`,
      ]);
      printTable([["TIME (UTC)", "STEP", "GROUP", "ACTION", "CODE", "STATUS"], ...rows]);
      const machines = await client.get<MachineRecord[]>("/machines");
      const machine = machines.find((one) => one.id === machineId);
      const failure = machine?.deploymentId === id ? machine.error : null;
      if (failure) printLine(`${failure.code}: ${failure.detail}`);
    },
  },
  {
    words: "sequence remove",
    operands: "NAME",
    operandCount: 1,
    summary: "Remove the latest version that no deployment uses, or that of NAME@VERSION.",
    options: {},
    run: async (client, call) => {
      const { id, name, version } = await findSequence(client, call.positionals[0] ?? "");
      await client.remove(`/sequences/${id}`);
      if (call.json) printJson({ removed: id });
      else printLine(`Version ${version} of task sequence ${name} is removed.`);
    },
  },
];
