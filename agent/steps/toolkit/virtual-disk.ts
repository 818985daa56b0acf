/** Create Virtual Hard Disk (MDT). Source: ZTIVHDCreate.wsf and the properties VHD… in the "Toolkit reference". */
import { existsSync } from "node:fs";
import { mkdir, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { randomUUID } from "node:crypto";
import { codes } from "../codes.ts";
import {
  adapted,
  real,
  setOutput,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
  wholeNumber,
} from "../step-kind.ts";
import type { StepContext } from "../step.ts";
import { driveLetter, hostPath, isLinux, usedLetters, virtualDisksVariable } from "../volumes.ts";
import { windowsVolumes } from "../windows/volumes.ts";
import { toolkitValue } from "./delegate.ts";
import { makeByDiskpart } from "./virtual-disk-diskpart.ts";
import { makeByLoop } from "./virtual-disk-loop.ts";

export interface VirtualDiskWish {
  /** "C:\VHD\Win7_C.vhd". */
  file: string;
  type: "fixed" | "expandable";
  megabytes: number;
  /** Another virtual disk whose content it gets; then it has that one's size. Null: it is empty. */
  source: string | null;
  /** A child of `file`, which takes what is written. Null: there is none. */
  child: string | null;
}

const megabyte = 1024 ** 2;
/** Of what is free: "90% of the available disk space on the parent disk". */
const usualShare = 0.9;
/** The format's own bounds: 3 MiB, 2040 GiB. */
const sizeBounds = { least: 3, most: 2040 * 1024 };

export const createVirtualDisk = stepKind({
  type: "ZTIVHDCreate",
  title: "Create Virtual Hard Disk",
  support: {
    winpe: real,
    linuxpe: adapted(
      "the file is a fixed VHD whose zeros take no room, whichever type is asked for, on a loop device; a child of another, and one from a source that is not fixed, fail, since those need nbd, which the PE has not; a Windows is not put into it, since no boot configuration made here leads into a VHD",
    ),
    windows: real,
    linux: unsupported("a drive's letter says where its file goes, and a Linux that runs has none"),
  },
  // What was cut off has left a file, which is not written over.
  repeatable: false,
  async perform(context) {
    const { variables } = context;
    const wish = await readWish(context);
    const file = await hostPath(context, wish.file);
    if (existsSync(file)) throw new StepFailure(codes.invalidSetting, `${wish.file} is there already`);
    await mkdir(dirname(file), { recursive: true });
    context.progress(0, `Creating ${wish.file}`);
    const number = await (isLinux(context) ? makeByLoop : makeByDiskpart)(context, wish);
    const add = (name: string): string => `${variables.get(name)} ${number}`.trim();
    setOutput(context, virtualDisksVariable, add(virtualDisksVariable));
    variables.set("VHDDisks", add("VHDDisks"));
    const output = toolkitValue(context, "VHDOutputVariable");
    if (output !== "") variables.set(output, String(number));
    return succeeded(`${wish.child ?? wish.file} is disk ${number}`);
  },
});

async function readWish(context: StepContext): Promise<VirtualDiskWish> {
  const folder = `${await driveOf(context)}:\\VHD`;
  const name = readName(context, "VHDCreateFileName") ?? randomName();
  const childWritten = toolkitValue(context, "VHDCreateDiffVHD");
  const child = childWritten === "" ? null : (readName(context, "VHDCreateDiffVHD") ?? randomName());
  // "The differencing VHD file cannot have the same name as the parent VHD file."
  if (child?.toLowerCase() === name.toLowerCase()) {
    throw new StepFailure(codes.invalidSetting, `VHDCreateDiffVHD is "${child}", as its parent is called`);
  }
  const written = toolkitValue(context, "VHDCreateType").toUpperCase() || "EXPANDABLE";
  if (written !== "EXPANDABLE" && written !== "FIXED") {
    throw new StepFailure(
      codes.invalidSetting,
      `VHDCreateType is "${written}": EXPANDABLE and FIXED are known`,
    );
  }
  const source = await findSource(context, folder);
  return {
    file: `${folder}\\${name}`,
    type: written === "FIXED" ? "fixed" : "expandable",
    megabytes: source === null ? await readSize(context, folder.slice(0, 1)) : 0,
    source,
    child: child === null ? null : `${folder}\\${child}`,
  };
}

/** "Variable that contains the drive letter"; without it, or while it is empty, the first drive. */
async function driveOf(context: StepContext): Promise<string> {
  const variable = toolkitValue(context, "VHDInputVariable");
  const named = variable === "" ? "" : context.variables.get(variable);
  if (named !== "") {
    const letter = driveLetter(named.trim());
    if (letter === null) {
      throw new StepFailure(codes.invalidSetting, `${variable} is "${named}", no drive`);
    }
    return letter;
  }
  const letters = isLinux(context)
    ? usedLetters(context)
    : (await windowsVolumes(context)).filter(({ kind }) => kind === "Partition").map(({ letter }) => letter);
  const [first] = letters.filter((letter) => letter !== "" && letter !== "X").toSorted();
  if (first === undefined) {
    throw new StepFailure(codes.notFound, "No drive is there that the file could be on");
  }
  return first;
}

const randomName = (): string => `${randomUUID()}.vhd`;

/** "The property only includes the file name"; null: RANDOM, "or blank". */
function readName(context: StepContext, property: string): string | null {
  const name = toolkitValue(context, property).trim();
  if (name === "" || name.toUpperCase() === "RANDOM") return null;
  if (/^[^\\/:*?"<>|\p{Cc}]{1,200}\.vhdx?$/iu.test(name)) return name;
  throw new StepFailure(
    codes.invalidSetting,
    `${property} is "${name}", no name of a file that ends in .vhd`,
  );
}

async function readSize(context: StepContext, letter: string): Promise<number> {
  const text = toolkitValue(context, "VHDCreateSizeMax");
  const { bavail, bsize } = await statfs(await hostPath(context, `${letter}:\\`));
  const fallback = Math.min(Math.floor((bavail * bsize * usualShare) / megabyte), sizeBounds.most);
  return wholeNumber(text, "VHDCreateSizeMax", { ...sizeBounds, fallback });
}

/** "Using a UNC path, local path, relative path, or just the file name", which is looked for on this computer. */
async function findSource(context: StepContext, folder: string): Promise<string | null> {
  const written = toolkitValue(context, "VHDCreateSource");
  if (written === "") return null;
  const isWhole = /^([A-Za-z]:|\\\\)/.test(written);
  const share = context.variables.get("DeployRoot");
  const places = isWhole
    ? [written]
    : [folder, share].filter((place) => place !== "").map((place) => `${place}\\${written}`);
  for (const place of places) {
    if (existsSync(await hostPath(context, place))) return place;
  }
  throw new StepFailure(codes.fileNotFound, `VHDCreateSource is "${written}", which is not there`);
}
