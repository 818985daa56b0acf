/** What `identify` and `disks` print. */
import type { MachineFacts } from "../../contract/machine.ts";
import { safetyRefusals } from "../imaging/choose-disk.ts";
import type { DiskFacts } from "../platform/platform.ts";
import type { MachineTitle } from "../report/screen.ts";
import { sizeText } from "../report/words.ts";

export function factsText(facts: MachineFacts, json: boolean): string {
  if (json) return `${JSON.stringify(facts, null, 2)}\n`;
  const rows = Object.entries(facts).map(([name, value]) => {
    const shown = Array.isArray(value) ? value.join(", ") : String(value ?? "unknown");
    return `${name.padEnd(16)} ${shown}\n`;
  });
  return rows.join("");
}

/** What stays on a screen that is the agent's alone. */
export function titleOf(facts: MachineFacts, site: { host: string; port: number }): MachineTitle {
  const { agentVersion, firmware, macAddresses, manufacturer, model, name, serial } = facts;
  const numbered = [serial === null ? null : `serial ${serial}`, ...macAddresses.slice(0, 1)];
  const known = [manufacturer, model, firmwareNames[firmware], ...numbered].filter((fact) => fact !== null);
  return { name, hardware: known.join(" · "), site: `Site https://${site.host}:${site.port}`, agentVersion };
}

const firmwareNames = { bios: "BIOS", uefi: "UEFI", unknown: null };

export function disksText(disks: readonly DiskFacts[], json: boolean): string {
  const judged = disks.map((disk) => ({
    ...disk,
    refused: safetyRefusals(disk, { removable: false }, true).map((refusal) => refusal.reason),
  }));
  if (json) return `${JSON.stringify(judged, null, 2)}\n`;
  const lines = judged.flatMap((disk) => {
    const name = [disk.model, disk.serial].filter((word) => word !== "").join(" ");
    const partitions = disk.partitions.map(({ fileSystem, label, name: partition, sizeBytes }) => {
      const what = [sizeText(sizeBytes), fileSystem, label].filter((word) => word !== "");
      return `    ${partition}  ${what.join("  ")}`;
    });
    const verdict = disk.refused.length === 0 ? "may be overwritten" : `refused: ${disk.refused.join("; ")}`;
    return [`${disk.path}  ${sizeText(disk.sizeBytes)}  ${name}`, ...partitions, `    ${verdict}`];
  });
  return lines.map((line) => `${line}\n`).join("");
}
