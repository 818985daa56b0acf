/** volley deployment list | show */
import type {
  DeploymentMachine,
  DeploymentRecord,
  ImageRecord,
  ListedDeployment,
} from "../../contract/administration.ts";
import type { CollectionRecord } from "../../contract/devices.ts";
import type { SequenceRecord } from "../../contract/sequence.ts";
import { minuteText, resultText, timeText } from "../quantities.ts";
import type { SiteCommand } from "./command.ts";
import { findDeployment } from "./deployment.ts";
import { printJson, printTable } from "./output.ts";

function whomOf({ collectionId, machines }: DeploymentRecord, collections: CollectionRecord[]): string {
  if (collectionId) return collections.find(({ id }) => id === collectionId)?.name ?? collectionId;
  return machines === "all" ? "all" : String(machines.length);
}

export const deploymentListCommands: SiteCommand[] = [
  {
    words: "deployment list",
    operands: "",
    operandCount: 0,
    summary: "List the deployments, and how many machines are done, failed, at work or waiting in each.",
    options: {},
    run: async (client, call) => {
      const deployments = await client.get<ListedDeployment[]>("/deployments");
      if (call.json) return printJson(deployments);
      const images = await client.get<ImageRecord[]>("/images");
      const sequences = await client.get<SequenceRecord[]>("/sequences?versions=all");
      const collections = await client.get<CollectionRecord[]>("/collections");
      const nameOf = (all: { id: string; name: string }[], id: string | null): string =>
        id === null ? "" : (all.find((one) => one.id === id)?.name ?? id);
      const rows = deployments.map(({ counts, ...deployment }) => [
        deployment.name,
        nameOf(images, deployment.imageId),
        nameOf(sequences, deployment.sequenceId),
        whomOf(deployment, collections),
        deployment.open ? "open" : "closed",
        ...[counts.done, counts.failed, counts.running, counts.waiting].map(String),
        minuteText(deployment.created),
      ]);
      const head = ["NAME", "IMAGE", "TASK SEQUENCE", "MACHINES", "STATE"];
      printTable([[...head, "DONE", "FAILED", "RUNNING", "WAITING", "CREATED"], ...rows]);
    },
  },
  {
    words: "deployment show",
    operands: "NAME",
    operandCount: 1,
    summary: "Show how far each machine is in a deployment, and why it failed.",
    options: {},
    run: async (client, call) => {
      const { id } = await findDeployment(client, call.positionals[0] ?? "");
      const machines = await client.get<DeploymentMachine[]>(`/deployments/${id}/machines`);
      if (call.json) return printJson(machines);
      const rows = machines.map((machine) => [
        machine.name,
        machine.state,
        machine.updated === null ? "" : timeText(machine.updated),
        machine.id,
        resultText(machine),
      ]);
      printTable([["NAME", "STATE", "SINCE (UTC)", "ID", ""], ...rows]);
    },
  },
];
