/** volley image import: a disk image, or one image of a WIM, into the library; or a WIM as the file that it is. */
import { basename, extname, resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import {
  ImageFormat,
  ImportRequest,
  WimForm,
  type ImageRecord,
  type ImportState,
  type WimEdition,
} from "../../contract/administration.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import type { SiteClient } from "../client.ts";
import { bytesText } from "../quantities.ts";
import { text, type CommandCall } from "./command.ts";
import { encryptOption } from "./multicast-use.ts";
import { printTable } from "./output.ts";
import { addFile, printPackage } from "./package-file.ts";
import { follow } from "./progress.ts";

export const importOptions = {
  name: { type: "string", value: "NAME", help: "Its name in the library; the file's without it." },
  format: {
    type: "string",
    value: "FORMAT",
    help: `${ImageFormat.options.join(", ")}; without it the file's name decides.`,
  },
  index: { type: "string", value: "N", help: "Which image of a WIM; without it they are shown." },
  as: {
    type: "string",
    value: "FORM",
    help: "What an image of a WIM becomes: disk (GPT, for UEFI; the default), disk-mbr (for a BIOS), volume (for a sequence's own partition), or file (a package that is applied at the machine).",
  },
  "sector-size": {
    type: "string",
    value: "BYTES",
    help: "Of a WIM: 4096 for disks with logical sectors of 4096 bytes; without it 512.",
  },
  encrypt: encryptOption,
  id: { type: "string", value: "ID", help: "With --as file: the identifier that steps name: PS100012." },
} as const;

/** Answers null where the WIM went to the packages, and said so. */
export async function importImage(client: SiteClient, call: CommandCall): Promise<ImageRecord | null> {
  const path = resolve(call.positionals[0] ?? "");
  if (text(call, "as") === "file") {
    await importAsFile(client, call, path);
    return null;
  }
  const request = readRequest(call, path);
  let last: ImportState | null = null;
  const run = async (wish: ImportRequest): Promise<ImportState> => {
    const { id } = await client.post<ImportState>("/images", wish);
    const poll = async (): Promise<ImportState> => (last = await client.get<ImportState>(`/imports/${id}`));
    return follow(`importing ${path}`, poll, call.json);
  };
  try {
    return show(await run(request), request, call);
  } catch (error) {
    const editions = editionsOf(last);
    if (toVolleyError(error).code !== "E_IMAGE_CHOICE" || editions.length === 0) throw error;
    if (!call.json) printEditions(editions);
    const index = call.json ? null : await askForIndex(editions);
    if (index === null) throw error;
    return show(await run({ ...request, index }), { ...request, index }, call);
  }
}

/** The last state comes by way of a closure, which the compiler does not follow. */
const editionsOf = (state: ImportState | null): WimEdition[] => state?.editions ?? [];

function readRequest(call: CommandCall, path: string): ImportRequest {
  const format = ImageFormat.optional().safeParse(text(call, "format"));
  if (!format.success) {
    throw new VolleyError("E_USAGE", `--format is one of ${ImageFormat.options.join(", ")}.`);
  }
  const form = WimForm.optional().safeParse(text(call, "as"));
  if (!form.success) {
    throw new VolleyError("E_USAGE", `--as is one of ${WimForm.options.join(", ")}, file.`);
  }
  if (text(call, "id") !== undefined) {
    throw new VolleyError("E_USAGE", "--id is for --as file; `volley package image` gives an image one.");
  }
  const index = text(call, "index");
  if (index !== undefined && !/^[1-9]\d{0,3}$/.test(index)) {
    throw new VolleyError("E_USAGE", `--index is a number from 1 on, not ${index}.`);
  }
  const sectors = ImportRequest.shape.sectorBytes.safeParse(numberOf(text(call, "sector-size")));
  if (!sectors.success) throw new VolleyError("E_USAGE", "--sector-size is 512 or 4096.");
  return {
    path,
    name: text(call, "name"),
    sectorBytes: sectors.data,
    format: format.data,
    index: index === undefined ? undefined : Number(index),
    as: form.data,
    encrypt: call.values["encrypt"] === true,
  };
}

const numberOf = (given: string | undefined): number | undefined =>
  given === undefined ? undefined : Number(given);

async function importAsFile(client: SiteClient, call: CommandCall, path: string): Promise<void> {
  const packageId = text(call, "id");
  if (packageId === undefined) {
    throw new VolleyError("E_USAGE", "--as file needs --id: what the steps call the package.");
  }
  if (text(call, "sector-size") !== undefined) {
    throw new VolleyError("E_USAGE", "A WIM that stays a file is for disks with sectors of any size.");
  }
  if (text(call, "index") !== undefined) {
    throw new VolleyError("E_USAGE", "A WIM that stays a file keeps all its images; the step says which.");
  }
  if (!/^\.(wim|esd)$/i.test(extname(path))) {
    const remedy = "a split WIM goes in as a folder, by `volley package add`";
    throw new VolleyError("E_USAGE", `--as file takes one .wim or .esd; ${remedy}.`);
  }
  const name = text(call, "name") ?? basename(path);
  const encrypt = call.values["encrypt"] === true;
  printPackage(await addFile(client, { packageId, name, path, encrypt, quiet: call.json }), call);
}

/** What was imported, and a word on what a room of it would be like. */
function show(
  { editions, image }: ImportState,
  { index }: ImportRequest,
  call: CommandCall,
): ImageRecord | null {
  const edition = editions.length === 1 ? editions[0] : editions.find((one) => one.index === index);
  if (!call.json && edition?.sysprep === "not generalised") {
    process.stderr.write(
      `Image ${edition.index} (${edition.name}) was not generalised: computers made of it share their identity. Run sysprep /generalize before it is captured.\n`,
    );
  }
  return image;
}

function printEditions(editions: readonly WimEdition[]): void {
  const rows = editions.map((one) => [
    String(one.index),
    one.name,
    one.edition,
    [one.version, one.architecture].filter(Boolean).join(" "),
    one.languages.join(" "),
    bytesText(one.bytes),
    one.sysprep,
  ]);
  printTable([["INDEX", "NAME", "EDITION", "VERSION", "LANGUAGES", "SIZE", "SYSPREP"], ...rows]);
}

/** Null where nobody can be asked. */
async function askForIndex(editions: readonly WimEdition[]): Promise<number | null> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return null;
  const asker = createInterface({ input: process.stdin, output: process.stderr });
  try {
    for (;;) {
      const answer = (await asker.question("Which one (its index; nothing for none)? ")).trim();
      if (answer === "") return null;
      if (editions.some(({ index }) => String(index) === answer)) return Number(answer);
    }
  } finally {
    asker.close();
  }
}
