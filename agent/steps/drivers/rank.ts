/**
 * Which driver Windows would take for a device. Source: "How Windows Ranks Drivers", "Identifier Score", "Feature Score"
 * and "Signature Score" (Windows drivers): the rank 0xSSGGTHHH, of which the lowest wins, then the newest date, then the
 * highest version.
 */
import type { DeviceFacts } from "../services.ts";
import { compareVersions } from "../values.ts";
import type { InfDriver, InfModel } from "../../../windows/inf.ts";

export interface DriverFile {
  /** Package the INF is in. */
  packageId: string;
  /** Absolute. */
  path: string;
  driver: InfDriver;
  /** The catalog it names is there. Whether Windows trusts it, only Windows can say. */
  signed: boolean;
}

export interface Match {
  file: DriverFile;
  model: InfModel;
  /** Identifier of the device that matched. */
  identifier: string;
  rank: number;
}

const signedScore = 0x0d;
const unsignedScore = 0x80;

/** All drivers for the device, the best first. */
export function rankDrivers(device: DeviceFacts, files: readonly DriverFile[]): Match[] {
  const matches: Match[] = [];
  for (const file of files) {
    const found = file.driver.models
      .map((model) => matchModel(device, file, model))
      .filter((match) => match !== null)
      .sort((a, b) => a.rank - b.rank)[0];
    if (found !== undefined) matches.push(found);
  }
  return matches.sort(compareMatches);
}

function matchModel(device: DeviceFacts, file: DriverFile, model: InfModel): Match | null {
  const found = identifierScore(device, model);
  if (found === null) return null;
  const feature = file.driver.featureScores.get(model.installSection.toLowerCase()) ?? 0xff;
  const signature = file.signed ? signedScore : unsignedScore;
  const rank = signature * 2 ** 24 + feature * 2 ** 16 + found.score;
  return { file, model, identifier: found.identifier, rank };
}

/**
 * T is what matched what: 0 a hardware identifier of both, 1 one of the device with a compatible one of the INF, 2 a
 * compatible one of the device with the INF's hardware identifier, 3 compatible ones of both. HHH grows along the lists.
 */
function identifierScore(device: DeviceFacts, model: InfModel): { score: number; identifier: string } | null {
  const infIds = [model.hardwareId, ...model.compatibleIds];
  let best: { score: number; identifier: string } | null = null;
  const consider = (ids: readonly string[], base: number): void => {
    for (const [place, identifier] of ids.entries()) {
      const infPlace = infIds.indexOf(identifier.toUpperCase());
      if (infPlace === -1) continue;
      const kind = base + (infPlace === 0 ? 0 : 1);
      const score = kind * 0x1000 + Math.min(place * 0x10 + Math.min(infPlace, 0xf), 0xfff);
      if (best === null || score < best.score) best = { score, identifier };
    }
  };
  consider(device.hardwareIds, 0);
  consider(device.compatibleIds, 2);
  return best;
}

function compareMatches(a: Match, b: Match): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  const [left, right] = [a.file.driver, b.file.driver];
  if (left.date !== right.date) return left.date > right.date ? -1 : 1;
  return compareVersions(right.version, left.version) || a.file.path.localeCompare(b.file.path);
}

/** "0x0DFF0000". */
export function rankText(rank: number): string {
  return `0x${rank.toString(16).toUpperCase().padStart(8, "0")}`;
}
