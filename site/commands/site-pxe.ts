/** What `volley site` is told of PXE. */
import { isIPv4 } from "node:net";
import { join, resolve } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { parseRange } from "../boot/pxe-interfaces.ts";
import type { PxePlace } from "../boot/pxe-responder.ts";
import { text, texts, type Command, type CommandCall } from "./command.ts";
import { number } from "./numbers.ts";

const defaultPxePort = 8480;

export const pxeOptions: Command["options"] = {
  pxe: {
    type: "string",
    multiple: true,
    value: "NAME",
    help: "Network interface on which machines that boot from the network are answered; may be repeated.",
  },
  "pxe-media": {
    type: "string",
    value: "DIR",
    help: "What they boot from: what volley media build made (media in the data folder).",
  },
  "pxe-range": {
    type: "string",
    value: "FIRST-LAST",
    help: "Addresses to hand out as the DHCP server; without it another server does that.",
  },
  "pxe-router": { type: "string", value: "IP", help: "The router that is named to them (none)." },
  "pxe-dns": {
    type: "string",
    multiple: true,
    value: "IP",
    help: "A name server that is named to them; may be repeated (none).",
  },
  "pxe-port": {
    type: "string",
    value: "PORT",
    help: `TCP port of the boot files (${defaultPxePort}).`,
  },
};

/** Null without --pxe. Throws E_USAGE. */
export function pxePlace(call: CommandCall): PxePlace | null {
  const interfaces = [...new Set(texts(call, "pxe"))];
  if (interfaces.length === 0) {
    const idle = Object.keys(call.values).find((name) => name.startsWith("pxe-"));
    if (idle !== undefined) throw new VolleyError("E_USAGE", `--${idle} means nothing without --pxe.`);
    return null;
  }
  const range = text(call, "pxe-range");
  const router = text(call, "pxe-router") ?? null;
  const nameServers = texts(call, "pxe-dns");
  const named = [...(router === null ? [] : [router]), ...nameServers];
  const wrong = named.find((address) => !isIPv4(address));
  if (wrong !== undefined) throw new VolleyError("E_USAGE", `"${wrong}" is not an IPv4 address.`);
  if (range === undefined && named.length > 0) {
    throw new VolleyError(
      "E_USAGE",
      "--pxe-router and --pxe-dns are for a DHCP server: give --pxe-range too.",
    );
  }
  return {
    interfaces,
    mediaFolder: resolve(text(call, "pxe-media") ?? join(call.dataFolder, "media")),
    range: range === undefined ? null : parseRange(range),
    router,
    nameServers,
    port: number(call, "pxe-port", { least: 1, most: 65_535, whole: true }) ?? defaultPxePort,
  };
}
