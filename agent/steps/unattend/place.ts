/** Where the answer file of an applied Windows is, and what processor that Windows is for. */
import { open } from "node:fs/promises";
import { codes } from "../codes.ts";
import { StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { hostPath } from "../volumes.ts";
import type { XmlElement } from "../xml/document.ts";
import { emptyAnswerFile, readAnswerFile, writeAnswerFile, type Architecture } from "./answer-file.ts";

/** The folder of the Windows that was applied, as "C:\Windows". */
export function targetSystemRoot(context: StepContext): string {
  const root = context.variables.get("OSDTargetSystemRoot");
  if (root !== "") return root;
  const drive = context.variables.get("OSDTargetSystemDrive");
  if (drive === "") {
    throw new StepFailure(
      codes.notFound,
      "No operating system was applied before, so there is none to set up",
    );
  }
  return `${drive}\\Windows`;
}

/** Of the places Windows Setup looks at by itself ("Windows Setup Automation Overview"), the first on the disk. */
export function answerFilePath(context: StepContext): string {
  return `${targetSystemRoot(context)}\\Panther\\Unattend\\Unattend.xml`;
}

/** Reads the answer file of the applied Windows, or begins one; writes what `change` made of it. */
export async function changeAnswerFile(
  context: StepContext,
  change: (root: XmlElement, architecture: Architecture) => void,
): Promise<void> {
  const path = await hostPath(context, answerFilePath(context));
  let root: XmlElement;
  try {
    root = await readAnswerFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    root = emptyAnswerFile();
  }
  change(root, await targetArchitecture(context));
  await writeAnswerFile(path, root);
}

/** "Machine Types" of the PE format. */
const machineTypes: Record<number, Architecture> = { 0x8664: "amd64", 0x014c: "x86", 0xaa64: "arm64" };

/** As the kernel's file says. Throws StepFailure when there is no Windows, or none for a processor that is known. */
export async function targetArchitecture(context: StepContext): Promise<Architecture> {
  const kernel = await hostPath(context, `${targetSystemRoot(context)}\\System32\\ntoskrnl.exe`);
  const handle = await open(kernel, "r");
  try {
    const start = Buffer.alloc(4096);
    const { bytesRead } = await handle.read(start, 0, start.length, 0);
    const header = bytesRead >= 64 ? start.readUInt32LE(60) : 0;
    const isProgram = start.toString("latin1", 0, 2) === "MZ" && header <= bytesRead - 6;
    const machine = isProgram ? machineTypes[start.readUInt16LE(header + 4)] : undefined;
    if (machine === undefined) throw new StepFailure(codes.invalidData, `${kernel} is no kernel of Windows`);
    return machine;
  } finally {
    await handle.close();
  }
}
