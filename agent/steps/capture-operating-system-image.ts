/**
 * Capture Operating System Image: the volume of a prepared Windows as a WIM, or the disk of a Linux as it is; it goes to the
 * site, where it becomes an image to deploy.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import { codes } from "./codes.ts";
import { captureLinuxDisk, findInstalledLinux } from "./images/linux-disk.ts";
import {
  adapted,
  real,
  runOrFail,
  setting,
  StepFailure,
  stepKind,
  succeeded,
  unsupported,
  workFolder,
} from "./step-kind.ts";
import { withShare } from "./network-share.ts";
import type { StepContext } from "./step.ts";
import { hostPath, isLinux } from "./volumes.ts";
import { deviceOfWindows, findInstalledWindows } from "./windows/installed-windows.ts";

const orLinux = adapted(
  "a Windows is captured as documented; of a Linux the whole disk goes to the site as it is, and the agent on it forgets which machine it was",
);
const inPeOnly = unsupported("it runs in a PE alone: a Windows that runs cannot be captured whole");

/** What no image may carry from one computer to another. The list takes the place of the tools' own. */
const excluded = [
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

export const captureOperatingSystemImage = stepKind({
  type: "CaptureSystemImage",
  title: "Capture Operating System Image",
  support: { winpe: real, linuxpe: orLinux, windows: inPeOnly, linux: inPeOnly },
  repeatable: false,
  async perform(context) {
    const linux = isLinux(context) ? await findInstalledLinux(context) : null;
    if (linux !== null) {
      return succeeded(await captureLinuxDisk(context, linux, describeImage(context, "Linux")));
    }
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
    const upload = (file: string): Promise<void> | undefined =>
      uploads?.image({
        ...described,
        path: file,
        diskBytes: null,
        signal: context.signal,
        progress: (fraction) => context.progress(0.7 + 0.3 * fraction, "Uploading the image"),
      });
    const captureTo = async (file: string): Promise<void> => {
      context.progress(0, `Capturing ${root.slice(0, 2)}`);
      await capture(context, { root, file, ...described });
      await upload(file);
    };
    if (destination === "") await captureToOwnFile(context, captureTo);
    else await captureToDestination(context, destination, captureTo);
    return succeeded(uploads === undefined ? `The image is ${destination}` : "The image is at the site");
  },
});

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

type CaptureTo = (file: string) => Promise<void>;

async function captureToOwnFile(context: StepContext, captureTo: CaptureTo): Promise<void> {
  const own = join(await workFolder(context), `capture-${randomUUID()}.wim`);
  try {
    await captureTo(own);
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
      await captureTo(file);
    });
  }
  const path = await hostPath(context, destination);
  if (isLinux(context)) await mkdir(dirname(path), { recursive: true });
  return captureTo(path);
}

interface Capture {
  root: string;
  file: string;
  name: string;
  description: string;
}

async function capture(context: StepContext, { description, file, name, root }: Capture): Promise<void> {
  const list = join(await workFolder(context), `capture-${randomUUID()}.ini`);
  await writeFile(list, `[ExclusionList]\r\n${excluded.join("\r\n")}\r\n`);
  const drive = root.slice(0, 2);
  try {
    await runOrFail(context, `capture ${drive}`, {
      command: isLinux(context)
        ? [
            "wimlib-imagex",
            "capture",
            await deviceOfWindows(context, root),
            file,
            name,
            description,
            `--config=${list}`,
            "--check",
          ]
        : [
            "dism.exe",
            "/Capture-Image",
            `/ImageFile:${file}`,
            `/CaptureDir:${drive}\\`,
            `/Name:${name}`,
            ...(description === "" ? [] : [`/Description:${description}`]),
            `/ConfigFile:${list}`,
            "/CheckIntegrity",
            "/Verify",
          ],
    });
  } finally {
    await rm(list, { force: true });
  }
}
