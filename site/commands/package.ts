/** volley package add | image | list | drivers | share | multicast | encrypt | remove */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import type { MulticastUse } from "../../contract/common.ts";
import { limits } from "../../contract/limits.ts";
import type { DriverRecord, PackageProgram, PackageRecord } from "../../contract/sequence.ts";
import type { SiteClient } from "../client.ts";
import { runToolWell } from "../content/tools.ts";
import { bytesText, minuteText } from "../quantities.ts";
import { text, type CommandCall, type SiteCommand } from "./command.ts";
import { findImage } from "./image.ts";
import { printJson, printLine, printTable } from "./output.ts";
import {
  encryptOption,
  encryptText,
  multicastOf,
  multicastOption,
  multicastText,
  multicastUse,
} from "./multicast-use.ts";
import { onOffWord } from "./on-off.ts";
import { addFile, printPackage } from "./package-file.ts";
import { unpackZip } from "./unpack-zip.ts";
import { uploadFile } from "./upload.ts";

export const packageCommands: SiteCommand[] = [
  {
    words: "package add",
    operands: "PATH",
    operandCount: 1,
    summary:
      "Take a package that steps refer to: a folder, or one file such as a WIM; of drivers, a .zip too.",
    options: {
      id: { type: "string", value: "ID", help: "The identifier that the steps name: PS100012." },
      name: { type: "string", value: "NAME", help: "Its name; the folder's or file's without it." },
      drivers: {
        type: "string",
        value: "CATEGORY",
        help: "It holds drivers, which Auto Apply Drivers looks through.",
      },
      multicast: multicastOption("allowed for what is large, no for what is small"),
      encrypt: encryptOption,
      program: {
        type: "string",
        multiple: true,
        value: "NAME=COMMAND",
        help: "A program of the package, for Install Package and Install Application; may be repeated.",
      },
    },
    run: async (client, call) => {
      const path = resolve(call.positionals[0] ?? "");
      const multicast = multicastOf(call);
      const common = {
        packageId: identifier(call),
        name: text(call, "name") ?? basename(path),
        ...(multicast !== undefined && { multicast }),
        encrypt: call.values["encrypt"] === true,
      };
      const isFolder = statOf(path).isDirectory();
      const added =
        isFolder || text(call, "drivers") !== undefined
          ? await addFolder(client, {
              isZip: !isFolder,
              ...common,
              path,
              driverCategory: text(call, "drivers") ?? null,
              programs: programsOf(call),
              quiet: call.json,
            })
          : await addFile(client, { ...common, path, quiet: call.json });
      printPackage(added, call);
    },
  },
  {
    words: "package image",
    operands: "IMAGE",
    operandCount: 1,
    summary: "Let an image of the library stand for the image package that steps refer to.",
    options: {
      id: { type: "string", value: "ID", help: "The identifier that the steps name: PS100012." },
    },
    run: async (client, call) => {
      const { id: imageId } = await findImage(client, call.positionals[0] ?? "");
      const request = { kind: "image", packageId: identifier(call), imageId };
      printPackage(await client.post<PackageRecord>("/packages", request), call);
    },
  },
  {
    words: "package list",
    operands: "",
    operandCount: 0,
    summary: "List the packages.",
    options: {},
    run: async (client, call) => {
      const packages = await client.get<PackageRecord[]>("/packages");
      if (call.json) return printJson(packages);
      const rows = packages.map(({ added, bytes, encrypt, imageId, kind, multicast, name, packageId }) => [
        packageId,
        name,
        kind,
        kind === "image" || multicast === "no" || imageId !== null
          ? multicast
          : `${multicast}, being prepared`,
        encrypt ? "yes" : "no",
        bytesText(bytes),
        minuteText(added),
      ]);
      printTable([["ID", "NAME", "KIND", "MULTICAST", "ENCRYPTED", "SIZE", "ADDED"], ...rows]);
    },
  },
  {
    words: "package share",
    operands: "ID",
    operandCount: 1,
    summary:
      "Let every enrolled machine fetch a package, whatever its deployments: for volley-agent download.",
    options: { stop: { type: "boolean", help: "Only deployments give it out again." } },
    run: async (client, call) => {
      const packageId = call.positionals[0] ?? "";
      const shared = call.values["stop"] !== true;
      const path = `/packages/${encodeURIComponent(packageId)}/shared`;
      const now = await client.post<PackageRecord>(path, { shared });
      const whose = shared ? "every machine" : "deployments alone";
      if (call.json) printJson(now);
      else printLine(`Package ${now.packageId} is for ${whose}.`);
    },
  },
  {
    words: "package drivers",
    operands: "",
    operandCount: 0,
    summary: "List the drivers of the site's packages, all or those for a device.",
    options: {
      device: { type: "string", value: "ID", help: "One of its PnP identifiers: PCI\\VEN_8086&DEV_15B8." },
    },
    run: async (client, call) => {
      const device = text(call, "device");
      const query = device === undefined ? "" : `?identifier=${encodeURIComponent(device)}`;
      const drivers = await client.get<DriverRecord[]>(`/drivers${query}`);
      if (call.json) return printJson(drivers);
      const rows = drivers.map(({ className, date, packageId, path, provider, version }) => [
        packageId,
        path,
        provider,
        className,
        `${date} ${version}`.trim(),
      ]);
      printTable([["PACKAGE", "INF", "PROVIDER", "CLASS", "VERSION"], ...rows]);
    },
  },
  {
    words: "package multicast",
    operands: "ID USE",
    operandCount: 2,
    summary: "Say whether a package is cast: no, allowed, or only, without a way around it.",
    options: {},
    run: async (client, call) => {
      const [packageId = "", use = ""] = call.positionals;
      const path = `/packages/${encodeURIComponent(packageId)}/multicast`;
      const now = await client.post<PackageRecord>(path, { multicast: multicastUse(use) });
      if (call.json) printJson(now);
      else printLine(`Package ${now.packageId} has ${multicastText(now.multicast)}.`);
    },
  },
  {
    words: "package encrypt",
    operands: "ID on|off",
    operandCount: 2,
    summary: "Say whether a package is cast encrypted, in sessions from now on.",
    options: {},
    run: async (client, call) => {
      const [packageId = "", given = ""] = call.positionals;
      const encrypt = onOffWord(given, "Encryption");
      const path = `/packages/${encodeURIComponent(packageId)}/encryption`;
      const now = await client.post<PackageRecord>(path, { encrypt });
      if (call.json) printJson(now);
      else printLine(`Package ${now.packageId} is cast ${encryptText(now.encrypt)}.`);
    },
  },
  {
    words: "package remove",
    operands: "ID",
    operandCount: 1,
    summary: "Remove a package. An image that it stood for stays.",
    options: {},
    run: async (client, call) => {
      const packageId = call.positionals[0] ?? "";
      await client.remove(`/packages/${encodeURIComponent(packageId)}`);
      if (call.json) printJson({ removed: packageId });
      else printLine(`Package ${packageId} is removed.`);
    },
  },
];

function identifier(call: CommandCall): string {
  const id = text(call, "id");
  if (id === undefined) throw new VolleyError("E_USAGE", "--id is missing: what the steps call the package.");
  return id;
}

function programsOf(call: CommandCall): PackageProgram[] {
  const given = call.values["program"];
  const list = Array.isArray(given) ? given.filter((one) => typeof one === "string") : [];
  return list.map((program) => {
    const at = program.indexOf("=");
    if (at < 1) throw new VolleyError("E_USAGE", `--program takes NAME=COMMAND, not ${program}.`);
    return { name: program.slice(0, at), commandLine: program.slice(at + 1) };
  });
}

function statOf(path: string) {
  try {
    return statSync(path);
  } catch (error) {
    throw new VolleyError("E_SOURCE_READ", `${path}: ${(error as Error).message}`, { cause: error });
  }
}

interface FolderWish {
  packageId: string;
  name: string;
  driverCategory: string | null;
  programs: PackageProgram[];
  multicast?: MulticastUse;
  encrypt: boolean;
  path: string;
  /** It is a zip of the folder. */
  isZip: boolean;
  quiet: boolean;
}

async function addFolder(
  client: SiteClient,
  { isZip, path: given, quiet, ...facts }: FolderWish,
): Promise<PackageRecord> {
  const folder = mkdtempSync(join(tmpdir(), "volley-package-"));
  try {
    const path = isZip ? join(folder, "files") : given;
    if (isZip) await unpackZip(given, path);
    const archive = join(folder, "package.tar.gz");
    // Names in order, and nothing of who packs it.
    const plain = ["--sort=name", "--owner=0", "--group=0", "--numeric-owner"];
    const words = ["--create", "--gzip", ...plain, `--file=${archive}`, `--directory=${path}`, "."];
    await runToolWell("tar", words, { limitMs: limits.packageToolMs });
    const uploadId = await uploadFile(client, archive, quiet);
    return await client.post<PackageRecord>("/packages", { kind: "folder", ...facts, uploadId });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
