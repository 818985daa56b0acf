/**
 * How the network adapters are set, from the registry, where the protocol keeps it: by DHCP or by hand, DNS servers and
 * domain. Names and addresses are the addon's.
 */
import type { AdapterRow } from "../sequence-machine.ts";
import type { WindowsAdapter, WindowsFacts } from "./facts.ts";
import { readKey } from "./registry.ts";
import type { WindowsTools } from "./tools.ts";
import { maskOf } from "./wmi-devices.ts";

const services = "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces";
/** The class of network adapters has this identifier on every Windows. */
const connections =
  "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Network\\{4D36E972-E325-11CE-BFC1-08002BE10318}";

export async function adapterSettings(facts: WindowsFacts, tools: WindowsTools): Promise<AdapterRow[]> {
  const settings = await settingsByName(tools);
  const wanted = facts.adapters().filter(({ kind, macAddress }) => {
    return (kind === "wired" || kind === "wireless") && macAddress !== null;
  });
  return wanted.map((adapter) => toRow(adapter, settings.get(adapter.name) ?? new Map<string, string>()));
}

function toRow(adapter: WindowsAdapter, settings: ReadonlyMap<string, string>): AdapterRow {
  const list = (name: string): string[] =>
    (settings.get(name) ?? "").split(/[ ,]+/).filter((word) => word !== "");
  return {
    name: adapter.name,
    macAddress: adapter.macAddress ?? "",
    dhcp: (settings.get("enabledhcp") ?? "1") !== "0",
    addresses: adapter.addresses.map(({ address, prefixBits }) => ({ address, mask: maskOf(prefixBits) })),
    gateways: adapter.gateways,
    dnsServers: list("nameserver").length > 0 ? list("nameserver") : list("dhcpnameserver"),
    dnsDomain: settings.get("domain") || (settings.get("dhcpdomain") ?? ""),
  };
}

/** By the name that people see, which stands apart from the settings, both under the adapter's identifier. */
async function settingsByName(tools: WindowsTools): Promise<Map<string, Map<string, string>>> {
  const found = new Map<string, Map<string, string>>();
  for (const key of (await readKey(services, tools))?.keys ?? []) {
    const identifier = key.slice(key.lastIndexOf("\\") + 1);
    const name = (await readKey(`${connections}\\${identifier}\\Connection`, tools))?.values.get(
      "name",
    )?.data;
    if (name === undefined) continue;
    const values = (await readKey(key, tools))?.values ?? [];
    found.set(name, new Map([...values].map(([value, { data }]) => [value, data])));
  }
  return found;
}
