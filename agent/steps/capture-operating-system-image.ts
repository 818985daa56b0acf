/**
 * Capture Operating System Image: the volumes of a computer with a prepared Windows as a WIM, or the disk of a Linux as it is;
 * it goes to the site, where it becomes an image to deploy.
 */
import { mkdir, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { codes } from "./codes.ts";
import { captureVolumes } from "./images/capture-volumes.ts";
import { findDataVolumes } from "./images/data-volumes.ts";
import { captureLinuxDisk, findInstalledLinux } from "./images/linux-disk.ts";
import {
  adapted,
  real,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
  workFolder,
} from "./step-kind.ts";
import { withShare } from "./network-share.ts";
import type { StepContext, StepKind, StepOutcome } from "./step.ts";
import { hostPath, isLinux } from "./volumes.ts";
import { deviceOfWindows, findInstalledWindows } from "./windows/installed-windows.ts";

const orLinux = adapted(
  "a Windows is captured as documented; of a Linux the whole disk goes to the site as it is, and the agent on it forgets which machine it was",
);
const inPeOnly = unsupported("it runs in a PE alone: a Windows that runs cannot be captured whole");

/** Configuration Manager takes every volume, the toolkit's backup the one with the Windows. */
const capturing = (volumes: "all" | "windows"): StepKind =>
  stepKind({
    type: "CaptureSystemImage",
    title: "Capture Operating System Image",
    support: { winpe: real, linuxpe: orLinux, windows: inPeOnly, linux: inPeOnly },
    repeatable: false,
    async perform(context) {
      const linux = isLinux(context) ? await findInstalledLinux(context) : null;
      if (linux !== null) {
        return succeeded(await captureLinuxDisk(context, linux, describeImage(context, "Linux")));
      }
      return captureWindows(context, volumes);
    },
  });

/**
 * "Captures each volume (drive) from the reference computer to a separate image within the .wim file" ("Task sequence steps",
 * Configuration Manager). The volume with the Windows is always the first of them: whoever applies the image without an index
 * gets that one.
 */
export const captureOperatingSystemImage = capturing("all");
export const captureWindowsVolume = capturing("windows");

async function captureWindows(context: StepContext, which: "all" | "windows"): Promise<StepOutcome> {
  const root = await findInstalledWindows(context);
  const destination = setting(context, "CaptureDestination", "OSDCaptureDestination");
  const uploads = context.services?.uploads;
  if (destination === "" && uploads === undefined) {
    throw new StepFailure(
      codes.invalidSetting,
      "Neither a destination is given, nor a site to upload the image to",
    );
  }
  const described = describeImage(context, "Windows");
  const captured = uploads === undefined ? 1 : 0.7;
  const captureTo = async (file: string, named: string): Promise<void> => {
    const drive = /^([A-Za-z]):/.exec(named)?.[1]?.toUpperCase() ?? null;
    const windows = root.slice(0, 1).toUpperCase();
    const others = which === "all" ? await findDataVolumes(context, { windows, file, drive }) : [];
    await captureVolumes(context, {
      file,
      description: described.description,
      volumes: [
        { title: `${windows}:`, name: described.name, open: (use) => openWindows(context, root, use) },
        ...others.map((volume) => ({ ...volume, name: `${described.name}, ${volume.title}` })),
      ],
      progress: (done, doing) => context.progress(captured * done, doing),
    });
    await uploads?.image({
      ...described,
      path: file,
      diskBytes: null,
      signal: context.signal,
      progress: (fraction) => context.progress(captured + (1 - captured) * fraction, "Uploading the image"),
    });
  };
  if (destination === "") await captureToOwnFile(context, captureTo);
  else await captureToDestination(context, destination, captureTo);
  return succeeded(uploads === undefined ? `The image is ${destination}` : "The image is at the site");
}

async function openWindows(
  context: StepContext,
  root: string,
  use: (source: string) => Promise<void>,
): Promise<void> {
  return use(isLinux(context) ? await deviceOfWindows(context, root) : `${root.slice(0, 2)}\\`);
}

function describeImage(context: StepContext, fallback: string): { name: string; description: string } {
  const { variables } = context;
  const computer = variables.get("OSDComputerName") || variables.get("_SMSTSMachineName") || fallback;
  const description = [
    setting(context, "ImageDescription", "OSDImageDescription"),
    prefixed("version ", setting(context, "ImageVersion", "OSDImageVersion")),
    prefixed("by ", setting(context, "ImageCreator", "OSDImageCreator")),
  ];
  return { name: `${computer} image`, description: description.filter((part) => part !== "").join(", ") };
}

const prefixed = (prefix: string, text: string): string => (text === "" ? "" : `${prefix}${text}`);

/** `named`: the file as the sequence or the system names it, with its drive. */
type CaptureTo = (file: string, named: string) => Promise<void>;

async function captureToOwnFile(context: StepContext, captureTo: CaptureTo): Promise<void> {
  const own = join(await workFolder(context), `capture-${randomUUID()}.wim`);
  try {
    await captureTo(own, own);
  } finally {
    await rm(own, { force: true });
  }
}

/**
 * A path on a drive, also one that Connect To Network Folder made, or on a network folder: "If the network share requires
 * authentication, specify OSDCaptureAccount and OSDCaptureAccountPassword".
 */
async function captureToDestination(
  context: StepContext,
  destination: string,
  captureTo: CaptureTo,
): Promise<void> {
  if (!/\.wim$/i.test(destination)) {
    throw new StepFailure(codes.invalidSetting, `The destination "${destination}" does not end in .wim`);
  }
  if (destination.startsWith("\\\\")) {
    const account = setting(context, "CaptureUsername", "OSDCaptureAccount");
    const password = setting(context, "CapturePassword", "OSDCaptureAccountPassword");
    return withShare(context, { account, password, path: destination }, async (file) => {
      if (isLinux(context)) await mkdir(dirname(file), { recursive: true });
      await captureTo(file, destination);
    });
  }
  const path = await hostPath(context, destination);
  if (isLinux(context)) await mkdir(dirname(path), { recursive: true });
  return captureTo(path, destination);
}
