/** The list that proves a choice of drivers: every device, every candidate with its rank, and the one taken. */
import type { DeviceFacts } from "../services.ts";
import { rankText, type DriverFile, type Match } from "./rank.ts";

export interface DeviceProof {
  device: string;
  hardwareIds: string[];
  /** Best first; the first is taken. Empty: no driver fits. */
  candidates: {
    packageId: string;
    inf: string;
    rank: string;
    identifier: string;
    date: string;
    version: string;
    signed: boolean;
  }[];
}

export function deviceProof(device: DeviceFacts, matches: readonly Match[]): DeviceProof {
  return {
    device: device.name,
    hardwareIds: device.hardwareIds,
    candidates: matches.map(({ file, identifier, rank }) => ({
      ...fileProof(file),
      rank: rankText(rank),
      identifier,
    })),
  };
}

export function fileProof({ driver, packageId, path, signed }: DriverFile) {
  return { packageId, inf: path, date: driver.date, version: driver.version, signed };
}

/** A line for the log. */
export function proofLine({ candidates, device, hardwareIds }: DeviceProof): string {
  const [best] = candidates;
  const name = `${device} (${hardwareIds[0] ?? "no identifier"})`;
  if (best === undefined) return `${name}: no driver fits`;
  const others = candidates.length - 1;
  return `${name}: ${best.inf}, rank ${best.rank} by ${best.identifier}, ${best.date} ${best.version}; ${others} others fit less`;
}
