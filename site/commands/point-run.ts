/** volley dp run: serves the machines of another building until it is told to end. */
import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { VolleyError } from "../../contract/errors.ts";
import { openLog } from "../log.ts";
import { openPoint, pointFiles, type PointNative } from "../point/point.ts";
import type { SitePlace } from "../point/identity.ts";
import { makeFolder } from "../store/files.ts";
import { text, type Command, type CommandCall } from "./command.ts";
import { number } from "./numbers.ts";
import { printJson, printLine } from "./output.ts";

const defaultPort = 8443;
const defaultMtu = 1500;

const options: Command["options"] = {
  site: { type: "string", value: "URL", help: "The site, https://HOST:PORT." },
  fingerprint: {
    type: "string",
    value: "SHA256",
    help: "Of the site's authority, as the site shows it; at the first start.",
  },
  "credential-file": {
    type: "string",
    value: "FILE",
    help: "What volley dp add has shown, at the first start; or $VOLLEY_CREDENTIAL.",
  },
  port: { type: "string", value: "PORT", help: `TCP port of the machines' server (${defaultPort}).` },
  interface: {
    type: "string",
    value: "IP",
    help: "Address of the network card to multicast from (the address that machines reach it by).",
  },
  mtu: { type: "string", value: "BYTES", help: `Largest IP packet of the network (${defaultMtu}).` },
  "time-to-live": { type: "string", value: "N", help: "Routers a multicast may cross, plus one (1)." },
};

/** The second is how one is tempted to say it. */
export const pointRunCommands: Command[] = [
  {
    words: "dp run",
    operands: "",
    operandCount: 0,
    summary: "Run a distribution point of a site in another building.",
    options,
  },
  { words: "dp", operands: "", operandCount: 0, summary: "The same as volley dp run.", options },
];

/** Throws E_USAGE. */
function siteOf(call: CommandCall): SitePlace {
  const given = text(call, "site");
  if (given === undefined) throw new VolleyError("E_USAGE", "--site is missing: https://HOST:PORT.");
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const isPlain = url?.protocol === "https:" && url.username === "" && ["", "/"].includes(url.pathname);
  if (!url || !isPlain) throw new VolleyError("E_USAGE", "--site is https://HOST:PORT and nothing else.");
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: url.port === "" ? 443 : Number(url.port) };
}

function fingerprintOf(call: CommandCall): string | null {
  const digits = text(call, "fingerprint")?.replaceAll(/[:\s]/g, "").toLowerCase();
  if (digits === undefined || /^[0-9a-f]{64}$/.test(digits)) return digits ?? null;
  throw new VolleyError("E_USAGE", "--fingerprint is a SHA-256: 64 hexadecimal digits.");
}

function credentialOf(call: CommandCall, fromEnvironment: string | null): string | null {
  const path = text(call, "credential-file");
  if (path === undefined) return fromEnvironment;
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new VolleyError("E_USAGE", `--credential-file cannot be read: ${(error as Error).message}`);
  }
}

/** Runs until `ended` resolves. `credential`: from the environment. */
export async function runPoint(
  call: CommandCall,
  { credential, ended, native }: { credential: string | null; ended: Promise<void>; native: PointNative },
): Promise<void> {
  const interfaceAddress = text(call, "interface") ?? null;
  if (interfaceAddress !== null && !isIPv4(interfaceAddress)) {
    throw new VolleyError("E_USAGE", `"${interfaceAddress}" is not an IPv4 address.`);
  }
  const choice = {
    dataFolder: call.dataFolder,
    site: siteOf(call),
    fingerprint: fingerprintOf(call),
    credential: credentialOf(call, credential),
    port: number(call, "port", { least: 0, most: 65_535, whole: true }) ?? defaultPort,
    interfaceAddress,
    mtu: number(call, "mtu", { least: 576, most: 9000, whole: true }) ?? defaultMtu,
    timeToLive: number(call, "time-to-live", { least: 1, most: 255, whole: true }) ?? 1,
  };
  makeFolder(call.dataFolder);
  const log = openLog({ file: pointFiles(call.dataFolder).log, quiet: call.json });
  const point = await openPoint({ ...choice, native, log });
  const { address, name, port } = point;
  if (call.json) printJson({ name, address, port, pid: process.pid });
  else printLine(`Distribution point ${name} serves machines at ${address}, port ${port}.`);
  const failure = await Promise.race([ended, point.failed]);
  log.info("the distribution point is stopping");
  await point.close();
  if (failure) throw failure;
}
