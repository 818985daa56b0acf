/** volley dp show | set: the site's own distribution point, or one in another building by its name */
import type { SlowClients } from "../../contract/administration.ts";
import type { DistributionPoint } from "../../contract/distribution-point.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { PointRecord } from "../../contract/point.ts";
import type { WaitingSession } from "../../contract/waiting.ts";
import { defaultProperties as defaults } from "../casting/properties.ts";
import { countIsText, countText, timeText } from "../quantities.ts";
import { imagesAt } from "../store/point-contents.ts";
import { text, type CommandCall, type SiteCommand } from "./command.ts";
import { number } from "./numbers.ts";
import { onOff } from "./on-off.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { findPoint, hereText, hoursText, placeOf, placeOptions } from "./point.ts";

function slowClients(call: CommandCall): SlowClients | undefined {
  const leastMbps = number(call, "slow-clients", { least: 0, most: 400_000, whole: false });
  const streams = number(call, "streams", { least: 1, most: 3, whole: true });
  if (leastMbps !== undefined && streams !== undefined) {
    throw new VolleyError("E_USAGE", "--slow-clients and --streams are two policies: say one.");
  }
  if (leastMbps !== undefined && leastMbps > 0) return { policy: "disconnect", leastMbps };
  if (streams !== undefined && streams > 1) return { policy: "multistream", streams };
  return leastMbps === undefined && streams === undefined ? undefined : { policy: "none" };
}

function changeOf(call: CommandCall): Record<string, unknown> {
  const clients = { most: limits.receiversPerSession, whole: true };
  const change = {
    multicast: onOff(call, "multicast"),
    groupRange: text(call, "group-range"),
    portRange: text(call, "port-range"),
    maximumClients: number(call, "maximum-clients", { least: 0, ...clients }),
    rateMbps: number(call, "rate", { least: 0, most: 400_000, whole: false }),
    scheduled: onOff(call, "scheduled"),
    startDelayMinutes: number(call, "start-delay", {
      least: 1,
      most: limits.startDelayMinutesMost,
      whole: true,
    }),
    minimumClients: number(call, "minimum-size", { least: 1, ...clients }),
    slowClients: slowClients(call),
    encrypt: onOff(call, "encrypt"),
  };
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

function slowText(policy: SlowClients): string {
  if (policy.policy === "disconnect") return `below ${policy.leastMbps} Mbit/s: to unicast`;
  return policy.policy === "multistream" ? `${policy.streams} streams` : "nothing is done";
}

function showProperties(point: DistributionPoint): void {
  printTable([
    ["Multicast", point.multicast ? "on" : "off"],
    ["Multicast groups", point.groupRange],
    ["Ports", point.portRange],
    ["Maximum clients", point.maximumClients === 0 ? "no limit" : String(point.maximumClients)],
    ["Transfer rate", point.rateMbps === 0 ? "as deployments say" : `at most ${point.rateMbps} Mbit/s`],
    ["Scheduled multicast", point.scheduled ? "on" : "off: a session starts with its first machine"],
    ["  Session start delay", `${point.startDelayMinutes} min`],
    ["  Minimum session size", countText(point.minimumClients, "machine")],
    ["Slow machines", slowText(point.slowClients)],
    ["Encryption", point.encrypt ? "of every session" : "of what is marked so"],
  ]);
}

function showPoint(point: PointRecord, call: CommandCall): void {
  if (call.json) return printJson(point);
  printTable([
    ["Address", point.port === null ? point.address : `${point.address}, port ${point.port}`],
    ["Boundaries", point.boundaries.join(", ")],
    ["Images", contentText(point, point.allImages, point.images)],
    ["Packages", contentText(point, point.allPackages, imagesAt({ images: [], packages: point.packages }))],
    ["Copied", hoursText(point)],
  ]);
  showProperties(point.properties);
}

function contentText(point: PointRecord, isAll: boolean, images: readonly string[]): string {
  return `${isAll ? "all of the site's; " : ""}here: ${hereText(point, images)}`;
}

function showWaiting(waiting: readonly WaitingSession[]): void {
  for (const one of waiting) {
    const { deploymentName, minimumClients, missing, missingCount, point, present, startsAt } = one;
    const more = missingCount > missing.length ? ` and ${missingCount - missing.length} more` : "";
    printLine("");
    printLine(
      `${deploymentName} waits${point === undefined ? "" : ` at ${point}`}: ${present.length} of ${countIsText(minimumClients, "machine")} there; ` +
        `it starts at ${timeText(startsAt)} UTC at the latest.`,
    );
    if (missing.length > 0) printLine(`  Missing: ${missing.join(", ")}${more}`);
  }
}

export const distributionPointCommands: SiteCommand[] = [
  {
    words: "dp show",
    operands: "[NAME]",
    operandCount: "optional",
    summary: "Show the distribution point's properties, and the sessions that wait, with who is missing.",
    options: {},
    run: async (client, call) => {
      const [name] = call.positionals;
      const waiting = await client.get<WaitingSession[]>("/waiting");
      if (name !== undefined) {
        const found = await findPoint(client, name);
        showPoint(found, call);
        if (!call.json) showWaiting(waiting.filter(({ point }) => point === found.name));
        return;
      }
      const properties = await client.get<DistributionPoint>("/distribution-point");
      if (call.json) return printJson({ ...properties, waiting });
      showProperties(properties);
      showWaiting(waiting);
    },
  },
  {
    words: "dp set",
    operands: "[NAME]",
    operandCount: "optional",
    summary: "Change the distribution point's properties, for sessions from now on; what is not named stays.",
    options: {
      multicast: { type: "string", value: "on|off", help: "Whether anything goes by multicast (on)." },
      "group-range": {
        type: "string",
        value: "RANGE",
        help: `Multicast groups, ADDRESS/BITS (${defaults.groupRange}).`,
      },
      "port-range": {
        type: "string",
        value: "RANGE",
        help: `UDP and TCP ports of sessions (${defaults.portRange}).`,
      },
      "maximum-clients": {
        type: "string",
        value: "N",
        help: "Machines that are served at once; 0: no limit (0).",
      },
      rate: { type: "string", value: "MBPS", help: "No session sends faster; 0: as deployments say (0)." },
      scheduled: {
        type: "string",
        value: "on|off",
        help: "Sessions start by the next two, whichever comes first (off).",
      },
      "start-delay": {
        type: "string",
        value: "MIN",
        help: `Minutes from the first machine that asks (${defaults.startDelayMinutes}).`,
      },
      "minimum-size": {
        type: "string",
        value: "N",
        help: `Machines that have to have asked (${defaults.minimumClients}).`,
      },
      "slow-clients": {
        type: "string",
        value: "MBPS",
        help: "Where a deployment says nothing, machines that are slower go to unicast; 0: they stay (0).",
      },
      streams: {
        type: "string",
        value: "N",
        help: "Where a deployment says nothing, slow machines get streams of their own: 2 or 3 (1).",
      },
      encrypt: {
        type: "string",
        value: "on|off",
        help: "Every session is encrypted, not only those of images and packages that are marked so (off).",
      },
      ...placeOptions,
    },
    run: async (client, call) => {
      const [name] = call.positionals;
      const place = placeOf(call);
      if (name !== undefined) {
        const { id } = await findPoint(client, name);
        const change = { ...place, properties: changeOf(call) };
        return showPoint(await client.post<PointRecord>(`/points/${id}`, change), call);
      }
      const [only] = Object.keys(place);
      if (only !== undefined) {
        throw new VolleyError(
          "E_USAGE",
          "Boundaries and copying are of points in other buildings: say its name.",
        );
      }
      const properties = await client.post<DistributionPoint>("/distribution-point", changeOf(call));
      if (call.json) printJson(properties);
      else showProperties(properties);
    },
  },
];
