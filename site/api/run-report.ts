/** What the reports of one run come to. Pure: rows and the library's facts in, the run's part of a DeploymentReport out. */
import type { ImageRecord } from "../../contract/administration.ts";
import type { DeploymentReport, ReportedImage } from "../../contract/deployment-report.ts";
import type { StepImage } from "../../contract/report.ts";
import type { RunReport } from "../store/run-reports.ts";

export type RunPart = Pick<DeploymentReport, "images" | "state" | "started" | "ended" | "error" | "steps">;

/** `own`: the image that the deployment itself puts on a disk; null where a task sequence does. */
export function reportOfRun(run: readonly RunReport[], own: ImageRecord | null): RunPart {
  const last = run.at(-1);
  const ended = last?.kind === "succeeded" || last?.kind === "failed" ? last : undefined;
  const error = ended?.told?.error;
  return {
    images: own === null ? stepImages(run) : [ownImage(run, own)],
    state: stateOf(run, ended),
    started: run.find(({ kind }) => kind === "started")?.time ?? null,
    ended: ended?.time ?? null,
    error: error ? { code: error.code, detail: error.detail } : null,
    steps: run.map(stepOf),
  };
}

function stateOf(run: readonly RunReport[], ended: RunReport | undefined): DeploymentReport["state"] {
  if (ended !== undefined) return ended.kind === "failed" ? "failed" : "succeeded";
  return run.some(({ kind }) => kind === "started") ? "working" : "planned";
}

function ownImage(run: readonly RunReport[], { bytes, chunks, name, root }: ImageRecord): ReportedImage {
  const { lost: _lost, ...disk } = run.findLast(({ kind }) => kind === "planned")?.told?.plan ?? {
    ...noDisk,
    lost: [],
  };
  const done = run.findLast(({ kind }) => kind === "succeeded");
  return {
    packageId: null,
    name,
    kind: "disk",
    root,
    packageHash: null,
    index: null,
    bytes,
    chunks,
    device: disk.device,
    disk: disk.device === "" ? null : disk,
    applied: done?.time ?? null,
    outcome: done?.told?.outcome ?? null,
  };
}

const noDisk = { device: "", model: "", serial: "", sizeBytes: 0 };

/** A step that was interrupted plans once more what it had begun. */
function stepImages(run: readonly RunReport[]): ReportedImage[] {
  const images: ReportedImage[] = [];
  for (const { kind, time, told } of run) {
    const image = told?.image;
    if (image === undefined) continue;
    const begun = images.findLastIndex((one) => one.applied === null && isSame(one, image));
    const applied = kind === "image-applied";
    images.splice(begun === -1 ? images.length : begun, 1, {
      ...image,
      bytes: null,
      chunks: null,
      applied: applied ? time : null,
      outcome: applied ? (told?.outcome ?? null) : null,
    });
  }
  return images;
}

const isSame = (one: ReportedImage, { device, index, packageId }: StepImage): boolean =>
  one.packageId === packageId && one.device === device && one.index === index;

function stepOf(row: RunReport): DeploymentReport["steps"][number] {
  const { detail, message, message_id: messageId, time } = row;
  const { action = "", exitCode = 0, group = "", step = 0 } = detail ?? {};
  return { time, messageId, message, step, group, action, exitCode };
}
