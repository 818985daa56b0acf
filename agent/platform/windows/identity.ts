/** The machine itself, from SMBIOS and what Windows says of adapters and firmware. */
import { totalmem } from "node:os";
import { limits } from "../../../contract/limits.ts";
import { meaningful } from "../inventory.ts";
import type { Hardware } from "../platform.ts";
import type { WindowsAdapter, WindowsFacts } from "./facts.ts";

export function identify(facts: WindowsFacts): Hardware {
  const smbios = facts.smbios();
  const { firmware, winPe } = facts.system();
  return {
    smbiosUuid: meaningful(smbios.uuid)?.toLowerCase() ?? null,
    serial: meaningful(smbios.serial),
    manufacturer: meaningful(smbios.manufacturer),
    model: meaningful(smbios.model),
    macAddresses: macAddresses(facts.adapters()),
    firmware,
    operatingSystem: winPe ? "winpe" : "windows",
    memoryBytes: totalmem(),
  };
}

/**
 * Wired adapters first, then wireless ones. What programs make (tunnels, switches of virtual machines) counts only where
 * there is no hardware at all.
 */
export function macAddresses(adapters: readonly WindowsAdapter[]): string[] {
  const of = (kind: WindowsAdapter["kind"], hardware: boolean): string[] =>
    adapters
      .filter((adapter) => adapter.kind === kind && (adapter.hardware ?? true) === hardware)
      .flatMap(({ macAddress }) => (macAddress === null ? [] : [macAddress.toLowerCase()]));
  const real = [...of("wired", true), ...of("wireless", true)];
  const made = [...of("wired", false), ...of("other", false), ...of("other", true)];
  return [...new Set(real.length > 0 ? real : made)].slice(0, limits.addressesPerMachine);
}
