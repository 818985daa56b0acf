/**
 * The network adapters of an applied Linux, as whatever brings them up there reads it: systemd-networkd (systemd.network(5))
 * or NetworkManager (nm-settings-keyfile(5)). Both know an adapter by its MAC address, whatever the new system names it.
 */
import { lstatSync } from "node:fs";
import { chmod, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "../codes.ts";
import { StepFailure } from "../step-kind.ts";
import type { AdapterWish } from "../unattend/network.ts";

interface Manager {
  name: string;
  /** Below the root. */
  isUsed(root: string): boolean;
  folder: string;
  /** Of the n-th adapter's file; files of an earlier run have such names, too. */
  fileName(number: number): string;
  mode: number;
  text(adapter: AdapterWish, number: number): string;
}

const wanted = "etc/systemd/system/multi-user.target.wants";
const networkd: Manager = {
  name: "systemd-networkd",
  isUsed: (root) => isLinked(root, `${wanted}/systemd-networkd.service`),
  folder: "etc/systemd/network",
  // Files are read in the order of their names, and the first that fits counts.
  fileName: (number) => `05-volley-${number}.network`,
  mode: 0o644,
  text: networkdText,
};
const networkManager: Manager = {
  name: "NetworkManager",
  isUsed: (root) => isLinked(root, `${wanted}/NetworkManager.service`),
  folder: "etc/NetworkManager/system-connections",
  fileName: (number) => `volley-${number}.nmconnection`,
  // It reads no file that others may read.
  mode: 0o600,
  text: networkManagerText,
};

/** The link itself counts: it leads to a path of the applied system, which is not one of this. */
function isLinked(root: string, path: string): boolean {
  return lstatSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
}

/** Adapters that have what they need by DHCP are left to the image. Returns what was done, a sentence. */
export async function setLinuxNetwork(root: string, adapters: readonly AdapterWish[]): Promise<string> {
  const own = adapters.filter(({ dhcp }) => !dhcp);
  const manager = [networkManager, networkd].find((one) => one.isUsed(root));
  if (manager === undefined) {
    if (own.length === 0) return "The adapters have their addresses by DHCP, as the image says";
    const text = "The applied Linux brings its network up with neither systemd-networkd nor NetworkManager";
    throw new StepFailure(codes.notSupported, text);
  }
  const folder = join(root, manager.folder);
  await mkdir(folder, { recursive: true });
  const isOurs = (name: string): boolean =>
    adapters.some((_adapter, index) => name === manager.fileName(index + 1));
  for (const name of await readdir(folder)) if (isOurs(name)) await rm(join(folder, name));
  for (const [index, adapter] of own.entries()) {
    const path = join(folder, manager.fileName(index + 1));
    await writeFile(path, manager.text(adapter, index + 1), { mode: manager.mode });
    await chmod(path, manager.mode);
  }
  return `${manager.name} has the addresses of ${own.length} of ${adapters.length} adapters`;
}

/** "00:15:5d:00:00:01". */
function macOf({ identifier }: AdapterWish): string {
  if (/^(?:[0-9A-F]{2}-){5}[0-9A-F]{2}$/.test(identifier)) {
    return identifier.replaceAll("-", ":").toLowerCase();
  }
  throw new StepFailure(codes.invalidSetting, `Adapter "${identifier}" is not named by its MAC address`);
}

function networkdText(adapter: AdapterWish): string {
  const { addresses, dnsDomain, dnsServers, gateways } = adapter;
  return [
    "[Match]",
    `MACAddress=${macOf(adapter)}`,
    "",
    "[Network]",
    ...addresses.map((address) => `Address=${address}`),
    ...dnsServers.map((server) => `DNS=${server}`),
    ...(dnsDomain === "" ? [] : [`Domains=${dnsDomain}`]),
    ...gateways.flatMap(({ address, metric }) => [
      "",
      "[Route]",
      `Gateway=${address}`,
      ...(metric === null ? [] : [`Metric=${metric}`]),
    ]),
    "",
  ].join("\n");
}

function networkManagerText(adapter: AdapterWish, number: number): string {
  const { addresses, dnsDomain, dnsServers, gateways } = adapter;
  const [gateway] = gateways;
  return [
    "[connection]",
    `id=volley-${number}`,
    "type=ethernet",
    "autoconnect-priority=100",
    "",
    "[ethernet]",
    `mac-address=${macOf(adapter)}`,
    "",
    "[ipv4]",
    "method=manual",
    ...addresses.map((address, index) => `address${index + 1}=${address}`),
    ...(gateway === undefined ? [] : [`gateway=${gateway.address}`]),
    ...(gateway === undefined || gateway.metric === null ? [] : [`route-metric=${gateway.metric}`]),
    ...(dnsServers.length === 0 ? [] : [`dns=${dnsServers.join(";")};`]),
    ...(dnsDomain === "" ? [] : [`dns-search=${dnsDomain};`]),
    "",
  ].join("\n");
}
