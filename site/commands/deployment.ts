/** volley deployment create | clear | start | close | remove */
import type { DeploymentRecord, MachineRecord, SlowClients } from "../../contract/administration.ts";
import type { DeploymentPreview } from "../../contract/devices.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { StartAnswer } from "../../contract/waiting.ts";
import type { SiteClient } from "../client.ts";
import { findCollection } from "./collection.ts";
import { text, type CommandCall, type SiteCommand } from "./command.ts";
import { findImage } from "./image.ts";
import { number } from "./numbers.ts";
import { printJson, printLine } from "./output.ts";
import { askConfirmation, showPreview } from "./preview.ts";
import { findSequence } from "./sequence-names.ts";
import { time } from "./times.ts";
import { readVariables } from "./variables.ts";
import { countIsText } from "../quantities.ts";

export async function findDeployment(client: SiteClient, name: string): Promise<DeploymentRecord> {
  const deployments = await client.get<DeploymentRecord[]>("/deployments");
  const deployment = deployments.find((one) => one.name === name || one.id === name);
  if (!deployment) throw new VolleyError("E_NOT_FOUND", `There is no deployment ${name}.`);
  return deployment;
}

/** "all", or machines by name or identifier. A name that two machines go by is refused. */
export async function findMachines(client: SiteClient, names: string): Promise<"all" | string[]> {
  if (names === "all") return "all";
  const machines = await client.get<MachineRecord[]>("/machines");
  return names.split(",").map((name) => {
    const found = machines.filter((machine) => machine.id === name || machine.facts.name === name);
    const [machine] = found;
    if (!machine) throw new VolleyError("E_NOT_FOUND", `There is no machine ${name}.`);
    if (found.length > 1) {
      throw new VolleyError(
        "E_CONFLICT",
        `${found.length} machines are called ${name}: say which by identifier.`,
      );
    }
    return machine.id;
  });
}

function diskRule(call: CommandCall): Record<string, unknown> {
  const bytes = { least: 0, most: limits.imageBytesMax, whole: true };
  return {
    removable: call.values["removable"] === true,
    ...(call.values["fit"] === true && { fit: true }),
    serial: text(call, "disk-serial"),
    leastBytes: number(call, "disk-least", bytes),
    mostBytes: number(call, "disk-most", bytes),
  };
}

/** Undefined: as the distribution point has it. */
function slowClients(call: CommandCall): SlowClients | undefined {
  const leastMbps = number(call, "slow-clients", { least: 0.1, most: 400_000, whole: false });
  const streams = number(call, "streams", { least: 2, most: 3, whole: true });
  if (streams !== undefined) {
    if (leastMbps === undefined) return { policy: "multistream", streams };
    throw new VolleyError("E_USAGE", "--streams and --slow-clients are two answers to the same question.");
  }
  return leastMbps === undefined ? undefined : { policy: "disconnect", leastMbps };
}

async function findWhom(
  client: SiteClient,
  call: CommandCall,
): Promise<{ machines: "all" | string[]; collectionId: string | null }> {
  const collection = text(call, "collection");
  const machines = text(call, "machines");
  if (collection === undefined) {
    return { machines: await findMachines(client, machines ?? "all"), collectionId: null };
  }
  if (machines !== undefined) throw new VolleyError("E_USAGE", "--machines or --collection, not both.");
  return { machines: [], collectionId: (await findCollection(client, collection)).id };
}

async function findChildren(client: SiteClient, names: string | undefined): Promise<string[]> {
  const found: string[] = [];
  for (const name of names?.split(",") ?? []) found.push((await findSequence(client, name)).id);
  return found;
}

export const deploymentCommands: SiteCommand[] = [
  {
    words: "deployment create",
    operands: "NAME",
    operandCount: 1,
    summary: "Put an image on machines, or run a task sequence: each begins when its agent next asks.",
    options: {
      image: { type: "string", value: "IMAGE", help: "The image, by name." },
      sequence: {
        type: "string",
        value: "SEQUENCE",
        help: "The task sequence, by name. Its steps name the images that they apply as packages.",
      },
      latest: {
        type: "boolean",
        help: "Machines that begin later take each new version of the sequence; else the one of now.",
      },
      children: {
        type: "string",
        value: "LIST",
        help: "Other sequences of the site that it runs as its children, by name, with commas between.",
      },
      packages: {
        type: "string",
        value: "LIST",
        help: "Packages that machines may fetch for the sequence, with commas between, or all (all).",
      },
      variables: {
        type: "string",
        value: "FILE",
        help: "Variables that the sequence begins with, a line NAME=VALUE each.",
      },
      secrets: {
        type: "string",
        value: "FILE",
        help: "As --variables, but hidden: passwords and keys. Remove the file afterwards.",
      },
      machines: { type: "string", value: "LIST", help: "Machines, with commas between, or all (all)." },
      collection: { type: "string", value: "NAME", help: "A collection in the place of machines." },
      starts: { type: "string", value: "TIME", help: "No machine begins before, as 2026-11-22T20:00:00Z." },
      expires: { type: "string", value: "TIME", help: "No machine begins after; what was begun goes on." },
      subnets: {
        type: "string",
        value: "LIST",
        help: "Only machines with addresses in these, as 10.1.0.0/16, with commas between.",
      },
      confirm: { type: "string", value: "NAME", help: "The name that a deployment of high risk asks for." },
      preview: { type: "boolean", help: "Only say what would happen." },
      required: {
        type: "boolean",
        help: "Machines that boot from the network take it without being asked, once.",
      },
      unattended: { type: "boolean", help: "No one has to confirm at the machines." },
      unicast: { type: "boolean", help: "No multicast: every machine fetches for itself." },
      "multicast-only": {
        type: "boolean",
        help: "No unicast: a machine that multicast does not serve fails.",
      },
      wake: { type: "boolean", help: "Switch its machines on by Wake-on-LAN when it begins." },
      rate: {
        type: "string",
        value: "MBPS",
        help: "Megabits per second at most; 0 = what most machines take (0).",
      },
      "slow-clients": {
        type: "string",
        value: "MBPS",
        help: "Move machines that take fewer megabits per second to unicast; out with --multicast-only.",
      },
      streams: {
        type: "string",
        value: "NUMBER",
        help: "Serve slow machines by multicast too: 2 or 3 streams, each at the pace of its machines.",
      },
      fit: {
        type: "boolean",
        help: "Afterwards grow Windows to the disk, and give the disk identifiers of its own.",
      },
      removable: { type: "boolean", help: "Removable disks may be written." },
      "disk-serial": { type: "string", value: "SERIAL", help: "Only the disk with this serial number." },
      "disk-least": { type: "string", value: "BYTES", help: "Only disks of at least this size." },
      "disk-most": { type: "string", value: "BYTES", help: "Only disks of at most this size." },
    },
    run: async (client, call) => {
      const imageName = text(call, "image");
      const sequenceName = text(call, "sequence");
      const packages = text(call, "packages") ?? "all";
      if (imageName === undefined && sequenceName === undefined) {
        throw new VolleyError("E_USAGE", "--image or --sequence is missing.");
      }
      const wanted = {
        name: call.positionals[0],
        imageId: imageName === undefined ? null : (await findImage(client, imageName)).id,
        sequenceId: sequenceName === undefined ? null : (await findSequence(client, sequenceName)).id,
        ...(call.values["latest"] === true && { sequenceVersion: "latest" }),
        children: await findChildren(client, text(call, "children")),
        packages: packages === "all" ? packages : packages.split(","),
        variables: [...readVariables(call, "variables", false), ...readVariables(call, "secrets", true)],
        ...(await findWhom(client, call)),
        starts: time(call, "starts"),
        expires: time(call, "expires"),
        subnets: text(call, "subnets")?.split(","),
        disk: diskRule(call),
        unattended: call.values["unattended"] === true,
        purpose: call.values["required"] === true ? "required" : "available",
        multicast: call.values["unicast"] !== true,
        multicastOnly: call.values["multicast-only"] === true,
        rateMbps: number(call, "rate", { least: 0, most: 400_000, whole: false }) ?? 0,
        slowClients: slowClients(call),
        wake: call.values["wake"] === true,
      };
      const preview = await client.post<DeploymentPreview>("/deployments/preview", wanted);
      if (call.values["preview"] === true) return showPreview(call, preview);
      const confirm = text(call, "confirm") ?? (await askConfirmation(call, preview));
      const deployment = await client.post<DeploymentRecord>("/deployments", { ...wanted, confirm });
      if (call.json) printJson(deployment);
      else printLine(`Deployment ${deployment.name} is open.`);
    },
  },
  {
    words: "deployment clear",
    operands: "NAME",
    operandCount: 1,
    summary: "Have machines do a deployment once more that they have done or failed in.",
    options: {
      machines: { type: "string", value: "LIST", help: "Machines, with commas between, or all (all)." },
      confirm: { type: "string", value: "NAME", help: "The name that a deployment of high risk asks for." },
    },
    run: async (client, call) => {
      const { id, name } = await findDeployment(client, call.positionals[0] ?? "");
      const machines = await findMachines(client, text(call, "machines") ?? "all");
      const wanted = { machines, confirm: text(call, "confirm") };
      const answer = await client.post<{ cleared: number }>(`/deployments/${id}/clear`, wanted);
      if (call.json) printJson(answer);
      else printLine(`${countIsText(answer.cleared, "machine")} to do ${name} once more.`);
    },
  },
  {
    words: "deployment start",
    operands: "NAME",
    operandCount: 1,
    summary: "Start what waits of a deployment (volley dp show) with the machines that are there.",
    options: {},
    run: async (client, call) => {
      const { id, name } = await findDeployment(client, call.positionals[0] ?? "");
      const answer = await client.post<StartAnswer>(`/deployments/${id}/start`, {});
      if (call.json) printJson(answer);
      else printLine(answer.started === 0 ? `Nothing of ${name} waits.` : `${name} starts.`);
    },
  },
  {
    words: "deployment close",
    operands: "NAME",
    operandCount: 1,
    summary: "End a deployment: no machine joins any more, and its session ends.",
    options: {},
    run: async (client, call) => {
      const deployment = await findDeployment(client, call.positionals[0] ?? "");
      const closed = await client.post<DeploymentRecord>(`/deployments/${deployment.id}/close`, {});
      if (call.json) printJson(closed);
      else printLine(`Deployment ${closed.name} is closed.`);
    },
  },
  {
    words: "deployment remove",
    operands: "NAME",
    operandCount: 1,
    summary: "End a deployment and forget it.",
    options: {},
    run: async (client, call) => {
      const deployment = await findDeployment(client, call.positionals[0] ?? "");
      await client.remove(`/deployments/${deployment.id}`);
      if (call.json) printJson({ removed: deployment.id });
      else printLine(`Deployment ${deployment.name} is removed.`);
    },
  },
];
