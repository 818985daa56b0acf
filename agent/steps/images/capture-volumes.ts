/** Volumes as the images of one WIM, in their order, by DISM or wimlib. */
import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runOrFail, workFolder } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { isLinux } from "../volumes.ts";

export interface CapturedVolume {
  /** As people know it; no other of the computer has it: "C:", "D: Data", "disk 0 partition 4". */
  title: string;
  /** Of its image. */
  name: string;
  /** Hands `use` what a tool captures, for as long as it takes: "/dev/sda4", a folder, "D:\\". */
  open(use: (source: string) => Promise<void>): Promise<void>;
}

export interface Capture {
  /** Of the WIM. */
  file: string;
  volumes: readonly CapturedVolume[];
  /** Empty for none. */
  description: string;
  /** `done`: part of the volumes, from 0 to 1; `doing` is a phrase. */
  progress(done: number, doing: string): void;
}

/** What no image may carry from one computer to another. The list takes the place of the tools' own. */
export const neverCaptured = [
  "\\$ntfs.log",
  "\\hiberfil.sys",
  "\\pagefile.sys",
  "\\swapfile.sys",
  "\\System Volume Information",
  "\\$RECYCLE.BIN",
  "\\RECYCLER",
  "\\_SMSTaskSequence",
  "\\Windows\\CSC",
];

/** A WIM that lacks one of the volumes is not left behind. */
export async function captureVolumes(context: StepContext, capture: Capture): Promise<void> {
  const { description, file, progress, volumes } = capture;
  const list = join(await workFolder(context), `capture-${randomUUID()}.ini`);
  await writeFile(list, `[ExclusionList]\r\n${neverCaptured.join("\r\n")}\r\n`);
  let begun = false;
  try {
    for (const [index, { name, open, title }] of volumes.entries()) {
      const count = volumes.length === 1 ? "" : ` (${index + 1} of ${volumes.length})`;
      progress(index / volumes.length, `Capturing ${title}${count}`);
      await open((source) =>
        captureOne(context, `capture ${title}`, { isNew: !begun, source, file, name, description, list }),
      );
      begun = true;
    }
  } catch (error) {
    if (begun) await rm(file, { force: true });
    throw error;
  } finally {
    await rm(list, { force: true });
  }
}

interface CaptureOfOne {
  /** The WIM is made; otherwise it gets one image more. */
  isNew: boolean;
  source: string;
  file: string;
  name: string;
  description: string;
  list: string;
}

async function captureOne(context: StepContext, doing: string, one: CaptureOfOne): Promise<void> {
  const { description, file, isNew, list, name, source } = one;
  if (isLinux(context)) {
    const verb = isNew ? "capture" : "append";
    await runOrFail(context, doing, {
      command: ["wimlib-imagex", verb, source, file, name, description, `--config=${list}`, "--check"],
      // As DISM compares them: Windows writes "$Recycle.Bin" on its own volume.
      environment: { WIMLIB_IMAGEX_IGNORE_CASE: "1" },
    });
    return;
  }
  await runOrFail(context, doing, {
    command: [
      "dism.exe",
      isNew ? "/Capture-Image" : "/Append-Image",
      `/ImageFile:${file}`,
      `/CaptureDir:${source}`,
      `/Name:${name}`,
      ...(description === "" ? [] : [`/Description:${description}`]),
      `/ConfigFile:${list}`,
      "/CheckIntegrity",
      "/Verify",
    ],
  });
}
