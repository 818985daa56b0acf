/** Network settings as values, and as settings of an answer file. */
import { codes } from "../codes.ts";
import { flag, setting, StepFailure, wholeNumber } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import type { SettingPlace } from "./answer-file.ts";

export interface AdapterWish {
  /** MAC address as "00-15-5D-00-00-01", or the connection's name. */
  identifier: string;
  dhcp: boolean;
  /** With their prefix: "192.0.2.7/24". */
  addresses: string[];
  gateways: { address: string; metric: number | null }[];
  dnsServers: string[];
  dnsDomain: string;
  dnsRegistration: boolean;
  fullDnsRegistration: boolean;
  winsServers: string[];
  /** 0 by DHCP, 1 on, 2 off; null: not said. */
  netbios: number | null;
  lmhosts: boolean | null;
}

const list = (text: string): string[] =>
  text
    .split(/[,; ]+/)
    .map((piece) => piece.trim())
    .filter((piece) => piece !== "");

/** OSDAdapterCount adapters; `known` are this machine's, for those that are named by their place. */
export function readAdapters(context: StepContext, known: readonly { macAddress: string }[]): AdapterWish[] {
  const bounds = { least: 0, most: 100, fallback: 0 };
  const count = wholeNumber(
    setting(context, "NumAdapters", "OSDAdapterCount"),
    "The number of adapters",
    bounds,
  );
  return Array.from({ length: count }, (_none, index) => readAdapter(context, index, known));
}

function readAdapter(
  context: StepContext,
  index: number,
  known: readonly { macAddress: string }[],
): AdapterWish {
  const of = (name: string): string =>
    setting(context, `Adapters${index}${name}`, `OSDAdapter${index}${name}`).trim();
  const dhcp = flag(of("EnableDHCP"), true);
  const metrics = list(of("GatewayCostMetric") || of("GatewayCostMetrics"));
  const masks = list(of("SubnetMask"));
  const netbios = of("TcpipNetbiosOptions");
  return {
    identifier: identifierOf(of, index, known),
    dhcp,
    addresses: dhcp
      ? []
      : list(of("IPAddressList")).map((ip, at) => `${ip}/${prefixOf(ip, masks[at], index)}`),
    gateways: dhcp
      ? []
      : list(of("Gateways")).map((address, at) => ({
          address,
          metric: /^\d+$/.test(metrics[at] ?? "") ? Number(metrics[at]) : null,
        })),
    dnsServers: list(of("DNSServerList")),
    dnsDomain: of("DNSDomain") || of("DNSSuffix"),
    dnsRegistration: flag(of("EnableDNSRegistration"), true),
    fullDnsRegistration: flag(of("EnableFullDNSRegistration"), true),
    winsServers: flag(of("EnableWINS"), true) ? list(of("WINSServerList")) : [],
    netbios: netbios === "" ? null : wholeNumber(netbios, "NetBIOS", { least: 0, most: 2, fallback: 0 }),
    lmhosts: of("EnableLMHOSTS") === "" ? null : flag(of("EnableLMHOSTS"), true),
  };
}

/** "OSDAdapter…MACAddress", else its name, else its place among the machine's adapters. */
function identifierOf(
  of: (name: string) => string,
  index: number,
  known: readonly { macAddress: string }[],
): string {
  const place = of("Index");
  const at =
    place === "" ? index : wholeNumber(place, "The adapter's index", { least: 0, most: 100, fallback: 0 });
  const mac = of("MACAddress") || (of("Name") === "" ? known[at]?.macAddress : undefined);
  if (mac === undefined) {
    if (of("Name") !== "") return of("Name");
    throw new StepFailure(codes.notFound, `This computer has no network adapter ${at}`);
  }
  const digits = mac.replaceAll(/[^0-9A-Fa-f]/g, "").toUpperCase();
  if (digits.length !== 12) throw new StepFailure(codes.invalidSetting, `"${mac}" is no MAC address`);
  return (digits.match(/../g) ?? []).join("-");
}

/** 24 for "255.255.255.0". */
export function prefixOf(address: string, mask: string | undefined, adapter = 0): number {
  const octets = (mask ?? "").split(".").map(Number);
  const bits = octets.map((octet) => octet.toString(2).padStart(8, "0")).join("");
  const isMask =
    octets.length === 4 && octets.every((octet) => octet >= 0 && octet <= 255) && /^1*0*$/.test(bits);
  if (!isMask || !/^\d+\.\d+\.\d+\.\d+$/.test(address)) {
    throw new StepFailure(
      codes.invalidSetting,
      `Adapter ${adapter} has the address "${address}" and the mask "${mask ?? ""}"`,
    );
  }
  return bits.indexOf("0") === -1 ? 32 : bits.indexOf("0");
}

type Assignment = [SettingPlace, string];

const at = (component: string, path: string): SettingPlace => ({ pass: "specialize", component, path });
const tcpip = "Microsoft-Windows-TCPIP";
const dns = "Microsoft-Windows-DNS-Client";
const netbt = "Microsoft-Windows-NetBT";

export function adapterSettings(adapter: AdapterWish): Assignment[] {
  const inside = `Interfaces/Interface[${adapter.identifier}]`;
  const settings: Assignment[] = [
    [at(tcpip, `${inside}/Identifier`), adapter.identifier],
    [at(tcpip, `${inside}/Ipv4Settings/DhcpEnabled`), String(adapter.dhcp)],
  ];
  for (const [index, address] of adapter.addresses.entries()) {
    settings.push([at(tcpip, `${inside}/UnicastIpAddresses/IpAddress[${index + 1}]`), address]);
  }
  for (const [index, { address, metric }] of adapter.gateways.entries()) {
    const route = `${inside}/Routes/Route[${index}]`;
    settings.push([at(tcpip, `${route}/Identifier`), String(index)]);
    if (metric !== null) settings.push([at(tcpip, `${route}/Metric`), String(metric)]);
    settings.push([at(tcpip, `${route}/NextHopAddress`), address]);
    settings.push([at(tcpip, `${route}/Prefix`), "0.0.0.0/0"]);
  }
  settings.push([at(dns, `${inside}/Identifier`), adapter.identifier]);
  if (adapter.dnsDomain !== "") settings.push([at(dns, `${inside}/DNSDomain`), adapter.dnsDomain]);
  for (const [index, server] of adapter.dnsServers.entries()) {
    settings.push([at(dns, `${inside}/DNSServerSearchOrder/IpAddress[${index + 1}]`), server]);
  }
  settings.push([at(dns, `${inside}/DisableDynamicUpdate`), String(!adapter.dnsRegistration)]);
  settings.push([
    at(dns, `${inside}/EnableAdapterDomainNameRegistration`),
    String(adapter.fullDnsRegistration),
  ]);
  return [...settings, ...netbiosSettings(adapter, inside)];
}

function netbiosSettings(adapter: AdapterWish, inside: string): Assignment[] {
  const settings: Assignment[] = [];
  if (adapter.lmhosts !== null) settings.push([at(netbt, "EnableLMHOSTS"), String(adapter.lmhosts)]);
  if (adapter.netbios === null && adapter.winsServers.length === 0) return settings;
  settings.push([at(netbt, `${inside}/Identifier`), adapter.identifier]);
  if (adapter.netbios !== null) {
    settings.push([at(netbt, `${inside}/NetbiosOptions`), String(adapter.netbios)]);
  }
  for (const [index, server] of adapter.winsServers.entries()) {
    settings.push([at(netbt, `${inside}/NameServerList/IpAddress[${index + 1}]`), server]);
  }
  return settings;
}
