/** What a WIM says of the images in it: its own description, as XML, and what each image's registry says of Sysprep. */
import { mkdtempSync, rmSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { SaxesParser } from "saxes";
import type { WimEdition } from "../../../contract/administration.ts";
import { VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import { runTool } from "../tools.ts";
import { sysprepState } from "./sysprep-state.ts";
import { wimlibReason } from "./wimlib.ts";

/** A WIM, an ESD or the first part of a split WIM, with what is in it. */
export interface WimFile {
  path: string;
  /** What every program of wimlib is told besides: where the other parts are. */
  references: string[];
  editions: WimEdition[];
}

/**
 * Whether Sysprep was at work is looked for in all images, or in the one that is `wanted`: out of an ESD it takes seconds
 * each. Throws E_IMAGE_FORMAT, E_IMAGE_TRUNCATED, E_TOOL_MISSING, E_TOOL_FAILED, E_CANCELLED.
 */
export async function inspectWim(
  path: string,
  wanted: number | undefined,
  signal: AbortSignal,
): Promise<WimFile> {
  const references = await partsOf(path);
  const folder = mkdtempSync(join(tmpdir(), "volley-wim-"));
  try {
    const xml = await readDescription(path, signal);
    const editions: WimEdition[] = [];
    for (const described of readEditions(xml, path)) {
      const { index } = described;
      const image = { path, references, index };
      if (wanted !== undefined && wanted !== index) {
        editions.push({ ...described, sysprep: "unknown" });
        continue;
      }
      const sysprep = await sysprepState(image, { folder: join(folder, `${index}`), signal });
      editions.push({ ...described, sysprep });
    }
    return { path, references, editions };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function readDescription(path: string, signal: AbortSignal): Promise<string> {
  const { exitCode, bytes, complaint } = await runTool("wimlib-imagex", ["info", path, "--xml"], signal);
  if (exitCode === 0) return bytes.toString("utf16le").replace(/^\uFEFF/, "");
  throw new VolleyError("E_IMAGE_TRUNCATED", `${path} cannot be read as a WIM: ${wimlibReason(complaint)}`);
}

/** Of "install.swm" the other parts are "install2.swm" and so on; the file with the description is the first. */
async function partsOf(path: string): Promise<string[]> {
  if (!/\.swm$/i.test(path)) return [];
  const stem = basename(path).replace(/\.swm$/i, "");
  const names = (await readdir(dirname(path))).filter((name) => /\.swm$/i.test(name));
  const parts = names.filter((name) => {
    const rest = name.toLowerCase().startsWith(stem.toLowerCase()) ? name.slice(stem.length) : "";
    return /^\d+\.swm$/i.test(rest);
  });
  for (const name of parts) await stat(join(dirname(path), name));
  return parts.map((name) => `--ref=${join(dirname(path), name)}`);
}

interface Node {
  name: string;
  text: string;
  attributes: Record<string, string>;
  children: Node[];
}

function parse(xml: string): Node {
  const root: Node = { name: "", text: "", attributes: {}, children: [] };
  const open = [root];
  const parser = new SaxesParser();
  parser.on("opentag", ({ name, attributes }) => {
    const node: Node = { name, text: "", attributes, children: [] };
    open.at(-1)?.children.push(node);
    open.push(node);
  });
  parser.on("closetag", () => void open.pop());
  parser.on("text", (text) => {
    const node = open.at(-1);
    if (node) node.text += text;
  });
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(xml).close();
  return root;
}

const child = (node: Node | undefined, name: string): Node | undefined =>
  node?.children.find((one) => one.name === name);
const textAt = (node: Node | undefined, ...names: string[]): string => {
  let at = node;
  for (const name of names) at = child(at, name);
  return at?.text.trim() ?? "";
};
const numberAt = (node: Node, name: string): number => Number(textAt(node, name)) || 0;

/** PROCESSOR_ARCHITECTURE numbers, as WINDOWS/ARCH has them. */
const architectures: Record<string, WimEdition["architecture"]> = { "0": "x86", "9": "amd64", "12": "arm64" };

/** `xml`: the description of a WIM. Throws E_IMAGE_TRUNCATED when it describes none. */
export function readEditions(xml: string, path: string): Omit<WimEdition, "sysprep">[] {
  let root: Node;
  try {
    root = parse(xml);
  } catch (error) {
    throw new VolleyError("E_IMAGE_TRUNCATED", `The description in ${path}: ${(error as Error).message}`);
  }
  const images = (child(root, "WIM")?.children ?? []).filter(({ name }) => name === "IMAGE");
  if (images.length === 0) throw new VolleyError("E_IMAGE_FORMAT", `${path} holds no image.`);
  if (images.length > limits.wimImagesMost) {
    throw new VolleyError("E_IMAGE_FORMAT", `${path} holds ${images.length} images.`);
  }
  return images.map((image) => {
    const windows = child(image, "WINDOWS");
    const languages = child(windows, "LANGUAGES");
    const all = (languages?.children ?? []).filter(({ name }) => name === "LANGUAGE");
    const first = textAt(languages, "DEFAULT");
    const names = all.map(({ text }) => text.trim()).filter((text) => text !== "");
    const version = ["MAJOR", "MINOR", "BUILD", "SPBUILD"].map((part) => textAt(windows, "VERSION", part));
    return {
      index: Number(image.attributes["INDEX"]),
      name: textAt(image, "DISPLAYNAME") || textAt(image, "NAME"),
      edition: textAt(windows, "EDITIONID") || textAt(image, "FLAGS"),
      version: version.filter((part) => part !== "").join("."),
      architecture: architectures[textAt(windows, "ARCH")] ?? null,
      // The default one first.
      languages: [...new Set(first === "" ? names : [first, ...names])],
      bytes: Math.max(0, numberAt(image, "TOTALBYTES") - numberAt(image, "HARDLINKBYTES")),
      entries: numberAt(image, "FILECOUNT") + numberAt(image, "DIRCOUNT"),
    };
  });
}
