/**
 * The configuration of dnsmasq, the DHCP server, which is started anew whenever its rules change. What can be decided from a DHCP
 * request (its class, MAC and UUID) is a rule here, so that a computer that is to get no answer gets none; the rest is decided
 * when its boot loader asks the site.
 */
import { limits } from "../../contract/limits.ts";
import type { PxeProperties } from "../../contract/pxe.ts";
import { otherByteOrder } from "../devices/device-identity.ts";
import type { KnownIdentities } from "../devices/device-index.ts";
import type { DaemonProgram } from "./pxe-daemon.ts";
import type { PxeInterface } from "./pxe-interfaces.ts";

export interface DhcpOptions {
  interfaces: readonly PxeInterface[];
  properties: Pick<PxeProperties, "delaySeconds" | "excludedMacs" | "respond" | "uefiLoader" | "unknown">;
  known: KnownIdentities;
  /** Their firmware loads Windows' boot manager now. */
  winpeNext: KnownIdentities["refused"];
  router: string | null;
  nameServers: readonly string[];
  /** Of the site's boot files. */
  port: number;
  leaseFile: string;
}

const winpeLoader = "bootmgfw.efi";
const uefiLoaders = { signed: "shimx64.efi", ipxe: "ipxe.efi" };

export function hostOf(address: string, port: number): string {
  return port === 80 ? address : `${address}:${port}`;
}

export const dhcpProgram: DaemonProgram = {
  name: "dnsmasq",
  package: "dnsmasq-base",
  capabilities: ["net_bind_service", "net_admin", "net_raw"],
  isNobody: false,
  socket: null,
  folder: null,
  words: (configurationFile) => [`--conf-file=${configurationFile}`],
  isServing: /: started, version /,
  endedBy: "SIGTERM",
};

const common = [
  "port=0",
  "no-resolv",
  "no-hosts",
  "bind-interfaces",
  "except-interface=lo",
  // It keeps the identity and the capabilities it was started with, and logs to standard error.
  "no-daemon",
  "log-facility=-",
];

/** RFC 4578 and the UEFI specification, 24.7: the client's architecture. */
const architectures = [
  "dhcp-match=set:bios,option:client-arch,0",
  "dhcp-match=set:uefi,option:client-arch,7",
  "dhcp-match=set:uefi,option:client-arch,9",
  "dhcp-match=set:uefihttp,option:client-arch,16",
  "dhcp-vendorclass=set:pxe,PXEClient",
  "dhcp-vendorclass=set:pxe,HTTPClient",
  "dhcp-userclass=set:ipxe,iPXE",
  "tag-if=set:firstbios,tag:bios,tag:!ipxe",
  "tag-if=set:firstuefi,tag:uefi,tag:!ipxe,tag:!winpenext",
  "tag-if=set:firstwinpe,tag:uefi,tag:!ipxe,tag:winpenext",
];

export function dhcpConfiguration(options: DhcpOptions): string {
  const { interfaces, leaseFile, properties } = options;
  const rules = [
    ...common,
    ...interfaces.map(({ name }) => `interface=${name}`),
    `dhcp-leasefile=${leaseFile}`,
    `dhcp-lease-max=${limits.receiversPerSession}`,
    "quiet-dhcp",
    // UEFI's HTTP boot gives its own class, which a proxy would not heed.
    "dhcp-pxe-vendor=PXEClient,HTTPClient",
    ...marked("winpenext", options.winpeNext),
    ...architectures,
    ...ignoring(options),
    ...interfaces.flatMap((one) => [...range(one, options), ...bootFiles(one, options)]),
  ];
  if (properties.delaySeconds > 0) rules.push(`dhcp-reply-delay=tag:pxe,${properties.delaySeconds}`);
  return `${rules.join("\n")}\n`;
}

function marked(tag: string, { macs, uuids }: KnownIdentities["refused"]): string[] {
  return [
    ...macs.map((mac) => `dhcp-mac=set:${tag},${mac}`),
    // RFC 4578: option 97 is a type, 0, and the 16 bytes, which firmware sends in either order.
    ...uuids
      .flatMap((uuid) => [uuid, otherByteOrder(uuid)])
      .map(
        (uuid) => `dhcp-match=set:${tag},97,00:${(uuid.replaceAll("-", "").match(/../g) ?? []).join(":")}`,
      ),
  ];
}

/** What gets no answer: an address it may still have, where this is the DHCP server and it does not boot. */
function ignoring({ known, properties }: DhcpOptions): string[] {
  const { excludedMacs, respond, unknown } = properties;
  const rules = respond ? [] : ["dhcp-ignore=tag:pxe"];
  rules.push(...marked("excluded", { macs: excludedMacs, uuids: [] }), ...marked("excluded", known.refused));
  rules.push("dhcp-ignore=tag:pxe,tag:excluded");
  if (unknown === "ignore") {
    rules.push(...marked("recognised", known.recognised), "dhcp-ignore=tag:pxe,tag:!recognised");
  }
  return rules;
}

function range(at: PxeInterface, { nameServers, router }: DhcpOptions): string[] {
  if (at.range === null) return [`dhcp-range=${at.network},proxy,${at.netmask}`];
  return [
    `dhcp-range=${at.range.first},${at.range.last},${at.netmask},12h`,
    "dhcp-authoritative",
    // It would try each address for three seconds before it offers it, and answer nobody meanwhile.
    "no-ping",
    // Without a value dnsmasq would name itself.
    `dhcp-option=tag:${at.name},option:router${router === null ? "" : `,${router}`}`,
    `dhcp-option=tag:${at.name},option:dns-server${nameServers.length === 0 ? "" : `,${nameServers.join(",")}`}`,
    "dhcp-option-force=tag:uefihttp,60,HTTPClient",
  ];
}

function bootFiles(at: PxeInterface, { port, properties }: DhcpOptions): string[] {
  const { address, name, range: served } = at;
  const host = hostOf(address, port);
  const uefi = uefiLoaders[properties.uefiLoader];
  const file = (tag: string, value: string): string =>
    `dhcp-boot=tag:${name},tag:${tag},${value},,${address}`;
  const service = (tag: string, architecture: number, value: string): string =>
    `pxe-service=tag:${name},tag:${tag},${architecture},"Volley",${value},${address}`;
  return [
    file("ipxe", `http://${host}/boot/ipxe`),
    file("firstbios", "undionly.kpxe"),
    file("firstuefi", uefi),
    file("firstwinpe", winpeLoader),
    // The signed GRUB has no HTTP.
    file("uefihttp", `http://${host}/ipxe.efi`),
    // A proxy tells firmware by PXE's own menu, of one entry.
    ...(served === null
      ? [
          service("firstbios", 0, "undionly.kpxe"),
          service("firstuefi", 7, uefi),
          service("firstuefi", 9, uefi),
          service("firstwinpe", 7, winpeLoader),
          service("firstwinpe", 9, winpeLoader),
        ]
      : []),
  ];
}
