/** Which disk is overwritten. Pure: facts in, a decision or a refusal with its reasons out. */
import { VolleyError, type ErrorCode } from "../../contract/errors.ts";
import type { DiskRule, ImageFacts } from "../../contract/deployment.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import type { DiskFacts } from "../platform/platform.ts";
import { sizeText } from "../report/words.ts";

export interface DiskDemand {
  rule: DiskRule;
  image: Pick<ImageFacts, "name" | "smallestDiskBytes" | "sectorBytes" | "firmware">;
  firmware: MachineFacts["firmware"];
}

export interface Refusal {
  code: ErrorCode;
  /** A phrase that goes on from the disk's name: "is smaller than …". */
  reason: string;
}

/** Why `disk` may not be taken, the gravest first; empty when it may. `named`: a person asked for this very disk. */
export function judgeDisk(disk: DiskFacts, demand: DiskDemand, named: boolean): Refusal[] {
  return [
    ...safetyRefusals(disk, demand.rule, named),
    ...ruleRefusals(disk, demand.rule),
    ...imageRefusals(disk, demand),
  ];
}

/** What holds whatever the image is. */
export function safetyRefusals(disk: DiskFacts, rule: DiskRule, named: boolean): Refusal[] {
  const reasons: string[] = [];
  if (disk.systemUses.length > 0) {
    reasons.push(`belongs to the running system: ${disk.systemUses.join(", ")}`);
  }
  if (disk.otherUses.length > 0) reasons.push(`is in use: ${disk.otherUses.join(", ")}`);
  if (disk.readOnly) reasons.push("is read-only");
  if (disk.kind === "virtual") reasons.push("is no disk of its own: it is made of memory or of other disks");
  if (disk.removable && !rule.removable) {
    const how = disk.bus === undefined ? "" : ` (${disk.bus})`;
    reasons.push(`is removable${how}, and the deployment does not ask for such a disk`);
  }
  if ((disk.kind === "loop" || disk.kind === "file") && !named) {
    reasons.push("stands for a file, so it has to be named");
  }
  return reasons.map((reason) => ({ code: "E_DISK_REFUSED", reason }));
}

function ruleRefusals(disk: DiskFacts, rule: DiskRule): Refusal[] {
  const reasons: string[] = [];
  if (rule.serial !== undefined && disk.serial !== rule.serial) {
    reasons.push(`has the serial number "${disk.serial}", and the deployment asks for "${rule.serial}"`);
  }
  if (rule.leastBytes !== undefined && disk.sizeBytes < rule.leastBytes) {
    reasons.push(`is smaller than the ${sizeText(rule.leastBytes)} that the deployment asks for`);
  }
  if (rule.mostBytes !== undefined && disk.sizeBytes > rule.mostBytes) {
    reasons.push(`is larger than the ${sizeText(rule.mostBytes)} that the deployment allows`);
  }
  return reasons.map((reason) => ({ code: "E_DISK_NOT_FOUND", reason }));
}

function imageRefusals(disk: DiskFacts, demand: DiskDemand): Refusal[] {
  const { image } = demand;
  const refusals: Refusal[] = [];
  if (disk.sizeBytes < image.smallestDiskBytes) {
    const needed = `${image.smallestDiskBytes} bytes (${sizeText(image.smallestDiskBytes)})`;
    const has = `${disk.sizeBytes} bytes (${sizeText(disk.sizeBytes)})`;
    refusals.push({
      code: "E_DEVICE_TOO_SMALL",
      reason: `has ${has}, and image "${image.name}" needs ${needed}`,
    });
  }
  if (disk.sectorBytes !== null && disk.sectorBytes !== image.sectorBytes) {
    const reason = `has sectors of ${disk.sectorBytes} bytes, and image "${image.name}" is for ${image.sectorBytes}`;
    refusals.push({ code: "E_SECTOR_SIZE", reason });
  }
  if (!bootsHere(disk, demand)) {
    const reason = `is in a machine with ${demand.firmware.toUpperCase()} firmware, and image "${image.name}" boots with ${image.firmware.join(" or ").toUpperCase()}`;
    refusals.push({ code: "E_FIRMWARE", reason });
  }
  return refusals;
}

/** An image of data boots nowhere and fits everywhere; nobody boots this machine from a file. */
function bootsHere(disk: DiskFacts, { firmware, image }: DiskDemand): boolean {
  if (disk.kind === "file" || disk.kind === "loop") return true;
  return image.firmware.length === 0 || firmware === "unknown" || image.firmware.includes(firmware);
}

/** Throws the gravest refusal of the disk that a person named, with all its reasons. */
export function checkNamedDisk(disk: DiskFacts, demand: DiskDemand): DiskFacts {
  const refusals = judgeDisk(disk, demand, true);
  const gravest = refusals[0];
  if (gravest === undefined) return disk;
  throw new VolleyError(gravest.code, explain(disk, refusals));
}

/**
 * The only disk that fits. Throws E_DISK_AMBIGUOUS when there are several; when there is none, the reason that all
 * disks have in common that could be overwritten at all, or else E_DISK_NOT_FOUND; each disk is named with its reasons.
 */
export function chooseDisk(disks: readonly DiskFacts[], demand: DiskDemand): DiskFacts {
  const verdicts = disks.map((disk) => ({ disk, refusals: judgeDisk(disk, demand, false) }));
  const fitting = verdicts.filter((verdict) => verdict.refusals.length === 0).map((verdict) => verdict.disk);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  if (fitting.length > 1) {
    const names = fitting.map((disk) => `${disk.path} (${describe(disk)})`).join(", ");
    throw new VolleyError("E_DISK_AMBIGUOUS", `Any of these disks would do: ${names}`);
  }
  throw noneFits(verdicts);
}

/**
 * Before a disk is chosen: why the image goes onto none of them, whatever they are used for; null where it goes onto one, or where
 * there is none to judge.
 */
export function refusalByAll(disks: readonly DiskFacts[], demand: DiskDemand): VolleyError | null {
  const verdicts = disks.map((disk) => ({ disk, refusals: imageRefusals(disk, demand) }));
  return verdicts.every(({ refusals }) => refusals.length > 0) && verdicts.length > 0
    ? noneFits(verdicts)
    : null;
}

interface Verdict {
  disk: DiskFacts;
  refusals: Refusal[];
}

/** By the reason that all have in common which could be overwritten at all, or else E_DISK_NOT_FOUND. */
function noneFits(verdicts: readonly Verdict[]): VolleyError {
  const codes = new Set(
    verdicts.map((verdict) => verdict.refusals[0]?.code).filter((code) => code !== "E_DISK_REFUSED"),
  );
  const [common] = codes;
  const listing = verdicts.map(({ disk, refusals }) => explain(disk, refusals)).join("; ");
  return new VolleyError(
    common !== undefined && codes.size === 1 ? common : "E_DISK_NOT_FOUND",
    listing === "" ? "This machine has no disk" : `No disk can be taken: ${listing}`,
  );
}

function explain(disk: DiskFacts, refusals: readonly Refusal[]): string {
  return `${disk.path} ${refusals.map((refusal) => refusal.reason).join(", and ")}`;
}

/** "512 GB, Samsung SSD 980, serial S64D" */
export function describe(disk: DiskFacts): string {
  return [sizeText(disk.sizeBytes), disk.model, disk.serial && `serial ${disk.serial}`]
    .filter(Boolean)
    .join(", ");
}
