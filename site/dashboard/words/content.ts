/** Images and what is done with them, in words. */
import type {
  ImageRecord,
  ImportState,
  VerificationState,
  WimEdition,
} from "../../../contract/administration.ts";
import type { PackageRecord } from "../../../contract/sequence.ts";
import { bytesText, durationText, percentText, rateText } from "../../quantities.ts";

const firmwareNames: Record<ImageRecord["firmware"][number], string> = { bios: "BIOS", uefi: "UEFI" };

export function firmwareText({ firmware }: ImageRecord): string {
  return firmware.map((one) => firmwareNames[one]).join(", ") || "nothing by itself";
}

export const multicastTexts: Record<ImageRecord["multicast"], string> = {
  no: "unicast",
  allowed: "multicast",
  only: "multicast only",
};

/** By which ways, and whether encrypted. */
export function sentText({ encrypt, multicast }: Pick<ImageRecord, "encrypt" | "multicast">): string {
  return `${multicastTexts[multicast]}${encrypt ? ", encrypted" : ""}`;
}

/** "drivers (network), 2 programs, shared" */
export function packageKindText(one: PackageRecord, imageName: string | undefined): string {
  const { driverCategory, fileName, kind, programs, shared } = one;
  const folder = driverCategory === null ? "folder" : `drivers (${driverCategory})`;
  const what = { folder, file: `file ${fileName ?? ""}`, image: `image ${imageName ?? ""}` }[kind].trim();
  const names = programs.length === 0 ? [] : [`installs ${programs.map(({ name }) => name).join(", ")}`];
  return [what, ...names, ...(shared ? ["shared with every machine"] : [])].join("; ");
}

type Work = ImportState | VerificationState;
type Seen = Pick<Work, "bytesDone"> & { time: number };

/** Rates are of the last seconds: what is kept of earlier looks, the oldest first. */
const spanMs = 10_000;

/** What was seen of each work that goes on, with this look in it. */
export function withLook(
  before: ReadonlyMap<string, readonly Seen[]>,
  all: readonly Work[],
  time: number,
): Map<string, Seen[]> {
  const after = new Map<string, Seen[]>();
  for (const { bytesDone, id, state } of all) {
    if (state !== "running") continue;
    const kept = (before.get(id) ?? []).filter((one) => time - one.time <= spanMs);
    after.set(id, [...kept, { bytesDone, time }]);
  }
  return after;
}

/** From 0 to 1. */
export function workPart({ bytesDone, bytesTotal, state }: Work): number {
  if (state === "done") return 1;
  return bytesTotal === 0 ? 0 : Math.min(1, bytesDone / bytesTotal);
}

/** "42.0 %, 7.2 GB of 12.0 GB, 112.0 MB/s, 0:43 left" */
export function workText(work: Work, seen: readonly Seen[]): string {
  const { bytesDone, bytesTotal } = work;
  if (bytesTotal === 0) return "looking at it";
  const done = `${percentText(workPart(work))}, ${bytesText(bytesDone)} of ${bytesText(bytesTotal)}`;
  const [first] = seen;
  const last = seen.at(-1);
  if (first === undefined || last === undefined || last.time <= first.time) return done;
  const rate = ((last.bytesDone - first.bytesDone) * 1000) / (last.time - first.time);
  if (rate <= 0) return `${done}, nothing in the last seconds`;
  return `${done}, ${rateText(rate)}, ${durationText((bytesTotal - bytesDone) / rate)} left`;
}

/** How one that ended did; empty while it goes on. */
export function endText(work: Work): string {
  if (work.error !== null) return `${work.error.code}: ${work.error.detail} ${work.error.remedy}`.trim();
  if (work.state === "running") return "";
  if ("badChunks" in work) return "Every chunk is right, and the manifest is signed by this site.";
  if (work.image === null) return "";
  const stored = `It is in the library, stored in ${bytesText(work.image.contentBytes)}.`;
  return work.editions.length === 1 && work.editions[0]?.sysprep === "not generalised"
    ? `${stored} ${notGeneralised}`
    : stored;
}

const notGeneralised =
  "It was not generalised: computers made of it share their identity. Run sysprep /generalize before it is captured.";

/** "Professional 10.0.22621.1 amd64". */
export const editionText = ({ architecture, edition, version }: WimEdition): string =>
  [edition, version, architecture].filter(Boolean).join(" ");
