/** volley site: serves machines until it is told to end. */
import { isIPv4 } from "node:net";
import { resolve } from "node:path";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { firstAccountName } from "../authority/first-account.ts";
import {
  defaultGroupRange,
  defaultPortRange,
  parseGroupRange,
  parsePortRange,
} from "../casting/addresses.ts";
import { openLog } from "../log.ts";
import { siteFiles, type SiteLocation, type SiteNative, type SiteOptions } from "../options.ts";
import { openSite, type RunningSite } from "../site.ts";
import { makeFolder } from "../store/files.ts";
import { text, texts, type Command, type CommandCall } from "./command.ts";
import { databaseOptions, settlePlace } from "./database.ts";
import { number } from "./numbers.ts";
import { pxeOptions, pxePlace } from "./site-pxe.ts";
import { printJson, printLine } from "./output.ts";

const defaultPort = 8443;
const defaultMtu = 1500;
/** RFC 3376, 8.2, and what its eight bits hold at most (4.1.7). */
const defaultQueryInterval = 125;
const longestQueryInterval = 31_744;

export const siteCommand: Command = {
  words: "site",
  operands: "",
  operandCount: 0,
  summary: "Run a site: the page, the machines' server and the multicast senders.",
  options: {
    address: {
      type: "string",
      multiple: true,
      value: "IP",
      help: "IPv4 address machines reach it by; may be repeated (all).",
    },
    port: {
      type: "string",
      value: "PORT",
      help: `TCP port of the page and the machines' server (${defaultPort}).`,
    },
    interface: {
      type: "string",
      value: "IP",
      help: "Address of the network card to multicast from (the first --address).",
    },
    "group-range": {
      type: "string",
      value: "RANGE",
      help: `Multicast groups, at the first start; then volley dp set (${defaultGroupRange}).`,
    },
    "port-range": {
      type: "string",
      value: "RANGE",
      help: `UDP and TCP ports of sessions, likewise (${defaultPortRange}).`,
    },
    mtu: { type: "string", value: "BYTES", help: `Largest IP packet of the network (${defaultMtu}).` },
    ...databaseOptions,
    "peer-address": {
      type: "string",
      value: "IP",
      help: "Where other processes of one database bring what they were asked (the first --address).",
    },
    "peer-port": { type: "string", value: "PORT", help: "TCP port of that (any that is free)." },
    certificate: {
      type: "string",
      value: "FILE",
      help: "Certificate in PEM, with its chain, for people who come by a host name that it names.",
    },
    key: { type: "string", value: "FILE", help: "The key of --certificate, in PEM." },
    media: {
      type: "string",
      value: "DIR",
      help: "What volley media build made, for a refresh (what --pxe-media says, else media in the data folder).",
    },
    "import-folder": {
      type: "string",
      value: "DIR",
      help: "Image files that may be imported from the page (import in the data folder).",
    },
    "high-risk-size": {
      type: "string",
      value: "N",
      help: `Deployments that act by themselves on more devices have to be confirmed (${limits.highRiskDevices}).`,
    },
    ...pxeOptions,
    "time-to-live": { type: "string", value: "N", help: "Routers a multicast may cross, plus one (1)." },
    "igmp-querier": {
      type: "boolean",
      help: "Ask for memberships, for networks without an IGMP querier; as root or with CAP_NET_RAW.",
    },
    "igmp-interval": {
      type: "string",
      value: "N",
      help: `Seconds between two of its questions (${defaultQueryInterval}).`,
    },
    "igmp-version": { type: "string", value: "2|3", help: "IGMP version it asks with (2)." },
  },
};

function addresses(call: CommandCall): string[] {
  const list = texts(call, "address");
  const wrong = [...list, text(call, "interface") ?? list[0] ?? "0.0.0.0"].find(
    (address) => !isIPv4(address),
  );
  if (wrong !== undefined) throw new VolleyError("E_USAGE", `"${wrong}" is not an IPv4 address.`);
  return list;
}

function peer(call: CommandCall): SiteOptions["peer"] {
  const address = text(call, "peer-address") ?? null;
  if (address !== null && !isIPv4(address)) {
    throw new VolleyError("E_USAGE", `"${address}" is not an IPv4 address.`);
  }
  return { address, port: number(call, "peer-port", { least: 0, most: 65_535, whole: true }) ?? 0 };
}

function querier(call: CommandCall): SiteOptions["querier"] {
  const seconds = number(call, "igmp-interval", { least: 1, most: longestQueryInterval, whole: true });
  const version = text(call, "igmp-version");
  if (version !== undefined && version !== "2" && version !== "3") {
    throw new VolleyError("E_USAGE", `--igmp-version is 2 or 3, not "${version}".`);
  }
  if (call.values["igmp-querier"] !== true) {
    if (seconds === undefined && version === undefined) return null;
    throw new VolleyError("E_USAGE", "--igmp-interval and --igmp-version are for --igmp-querier.");
  }
  return { intervalMs: (seconds ?? defaultQueryInterval) * 1000, version: version === "3" ? 3 : 2 };
}

/** Throws E_USAGE for what is no range. */
function point(call: CommandCall): SiteOptions["point"] {
  const [groupRange, portRange] = [text(call, "group-range"), text(call, "port-range")];
  if (groupRange !== undefined) parseGroupRange(groupRange);
  if (portRange !== undefined) parsePortRange(portRange);
  return { ...(groupRange !== undefined && { groupRange }), ...(portRange !== undefined && { portRange }) };
}

function certificate(call: CommandCall): SiteOptions["certificate"] {
  const [certificatePath, keyPath] = [text(call, "certificate"), text(call, "key")];
  if (certificatePath === undefined && keyPath === undefined) return null;
  if (certificatePath === undefined || keyPath === undefined) {
    throw new VolleyError("E_USAGE", "--certificate and --key go together.");
  }
  return { certificatePath, keyPath };
}

/** Null when it was told to end while another process served. */
async function openUnlessEnded(options: SiteOptions): Promise<RunningSite | null> {
  let over = false;
  void options.ended.then(() => {
    over = true;
  });
  try {
    return await openSite(options);
  } catch (error) {
    if (over && toVolleyError(error).code === "E_SITE_BUSY") return null;
    throw error;
  }
}

/** Runs until `ended` resolves. */
export async function runSite(call: CommandCall, native: SiteNative, ended: Promise<void>): Promise<void> {
  const wish = wishOf(call);
  makeFolder(call.dataFolder);
  const place = settlePlace(call);
  const files = siteFiles(place.dataFolder, place.sharedFolder);
  const options = {
    ...place,
    ...wish,
    ended,
    mediaFolder: resolve(text(call, "media") ?? text(call, "pxe-media") ?? files.media),
    importFolder: resolve(text(call, "import-folder") ?? files.imports),
  };
  const log = openLog({ file: files.log, quiet: call.json });
  let isShown = false;
  const show = (location: SiteLocation, firstPassword: string | null): void => {
    if (isShown) return;
    isShown = true;
    if (call.json) return printJson({ ...location, adminTokenFile: files.adminToken, firstPassword });
    printLine(`The site is at https://${options.addresses[0] ?? location.address}:${location.port}/`);
    printLine(`Fingerprint of its authority (SHA-256): ${location.fingerprint}`);
    if (firstPassword !== null) {
      printLine(`Sign in as "${firstAccountName}" with the password ${firstPassword}`);
      printLine("It is shown this once, and the first sign-in asks for one of your own.");
    }
    printLine(`The token of the command line on this machine is in ${files.adminToken}`);
  };
  const followed = (location: SiteLocation): void => show(location, null);
  const site = await openUnlessEnded({ ...options, native, log, serving: true, followed });
  if (site === null) return;
  show(site.location, site.firstPassword);
  const failure = await Promise.race([ended, site.failed]);
  log.info("the site is stopping");
  await site.close();
  if (failure) throw failure;
}

/** What was typed, understood before anything is made. Throws E_USAGE. */
function wishOf(call: CommandCall) {
  return {
    addresses: addresses(call),
    port: number(call, "port", { least: 0, most: 65_535, whole: true }) ?? defaultPort,
    interfaceAddress: text(call, "interface") ?? null,
    point: point(call),
    mtu: number(call, "mtu", { least: 576, most: 9000, whole: true }) ?? defaultMtu,
    timeToLive: number(call, "time-to-live", { least: 1, most: 255, whole: true }) ?? 1,
    querier: querier(call),
    peer: peer(call),
    pxe: pxePlace(call),
    certificate: certificate(call),
    highRiskDevices:
      number(call, "high-risk-size", { least: 0, most: limits.devicesMost, whole: true }) ??
      limits.highRiskDevices,
  };
}
