/** volley image import | list | show | verify | multicast | encrypt | remove */
import type { ImageRecord, VerificationState } from "../../contract/administration.ts";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import type { SiteClient } from "../client.ts";
import { bytesText, countIsText, countText, minuteText } from "../quantities.ts";
import type { SiteCommand } from "./command.ts";
import { importImage, importOptions } from "./image-import.ts";
import { encryptText, multicastText, multicastUse } from "./multicast-use.ts";
import { onOffWord } from "./on-off.ts";
import { printJson, printLine, printTable } from "./output.ts";
import { follow } from "./progress.ts";

/** By name or identifier. Throws E_NOT_FOUND. */
export async function findImage(client: SiteClient, name: string): Promise<ImageRecord> {
  const images = await client.get<ImageRecord[]>("/images");
  const image = images.find((one) => one.name === name || one.id === name);
  if (!image) throw new VolleyError("E_NOT_FOUND", `There is no image ${name}.`);
  return image;
}

function firmwareText(image: ImageRecord): string {
  return image.firmware.length === 0 ? "none (a data disk)" : image.firmware.join(" and ");
}

function printImage(image: ImageRecord): void {
  printTable([
    ["name", image.name],
    ["id", image.id],
    ["root (BLAKE3)", image.root],
    ["size", `${bytesText(image.bytes)} (${image.bytes} bytes)`],
    [
      "stored",
      `${bytesText(image.contentBytes)} in ${countText(image.chunks - image.holes, "chunk")}; ${countText(image.holes, "hole")}`,
    ],
    ["boots with", firmwareText(image)],
    ["sent by", multicastText(image.multicast)],
    ["sent", encryptText(image.encrypt)],
    ["sectors", `${image.sectorBytes} bytes`],
    ["smallest disk", `${image.smallestDiskBytes} bytes`],
    ["imported", image.imported],
  ]);
}

/** Throws what is wrong with it. */
async function verify(client: SiteClient, image: ImageRecord, quiet: boolean): Promise<VerificationState> {
  const { id } = await client.post<VerificationState>(`/images/${image.id}/verify`, {});
  const poll = () => client.get<VerificationState>(`/verifications/${id}`);
  const state = await follow(`verifying ${image.name}`, poll, quiet);
  if (!quiet) {
    printLine(
      `${image.name}: ${image.chunks === 1 ? "its chunk is" : `all ${image.chunks} chunks are`} right, and the manifest is signed by this site.`,
    );
  }
  return state;
}

/** One after another, and to the end whatever is found. Throws what is wrong with the first that is not right. */
async function verifyAll(client: SiteClient, images: ImageRecord[], isJson: boolean): Promise<void> {
  const failures: VolleyError[] = [];
  const results: { name: string; id: string; error: { code: string; detail: string } | null }[] = [];
  for (const image of images) {
    const { id, name } = image;
    try {
      await verify(client, image, isJson);
      results.push({ name, id, error: null });
    } catch (error) {
      const failure = toVolleyError(error);
      failures.push(failure);
      results.push({ name, id, error: { code: failure.code, detail: failure.detail } });
      if (!isJson) printLine(`${name}: ${failure.code}: ${failure.detail}`);
    }
  }
  if (isJson) printJson(results);
  const [first] = failures;
  if (first !== undefined) {
    throw new VolleyError(
      first.code,
      `${failures.length} of ${countText(images.length, "image")} ${failures.length === 1 ? "is" : "are"} not right.`,
    );
  }
  if (!isJson) printLine(`${countIsText(images.length, "image")} right.`);
}

export const imageCommands: SiteCommand[] = [
  {
    words: "image import",
    operands: "FILE",
    operandCount: 1,
    summary:
      "Take a disk image, one image of a Windows WIM or ESD, or a folder of Clonezilla or FOG, into the library.",
    options: importOptions,
    run: async (client, call) => {
      const image = await importImage(client, call);
      if (image === null) return;
      if (call.json) printJson(image);
      else printImage(image);
    },
  },
  {
    words: "image list",
    operands: "",
    operandCount: 0,
    summary: "List the library's images.",
    options: {},
    run: async (client, call) => {
      const images = await client.get<ImageRecord[]>("/images");
      if (call.json) return printJson(images);
      const rows = images.map((image) => [
        image.name,
        bytesText(image.bytes),
        bytesText(image.contentBytes),
        firmwareText(image),
        minuteText(image.imported),
      ]);
      printTable([["NAME", "SIZE", "STORED", "BOOTS WITH", "IMPORTED"], ...rows]);
    },
  },
  {
    words: "image show",
    operands: "NAME",
    operandCount: 1,
    summary: "Show all facts of an image.",
    options: {},
    run: async (client, call) => {
      const image = await findImage(client, call.positionals[0] ?? "");
      if (call.json) printJson(image);
      else printImage(image);
    },
  },
  {
    words: "image verify",
    operands: "[NAME...]",
    operandCount: "any",
    summary: "Read images' content again, all without a name, and compare it with their signed manifests.",
    options: {},
    run: async (client, call) => {
      const { positionals } = call;
      const images: ImageRecord[] = [];
      for (const name of positionals) images.push(await findImage(client, name));
      if (positionals.length === 0) images.push(...(await client.get<ImageRecord[]>("/images")));
      if (positionals.length === 1 && images[0] !== undefined) {
        const state = await verify(client, images[0], call.json);
        if (call.json) printJson(state);
        return;
      }
      await verifyAll(client, images, call.json);
    },
  },
  {
    words: "image multicast",
    operands: "NAME USE",
    operandCount: 2,
    summary: "Say whether an image is cast: no, allowed, or only, without a way around it.",
    options: {},
    run: async (client, call) => {
      const [name = "", use = ""] = call.positionals;
      const { id } = await findImage(client, name);
      const path = `/images/${id}/multicast`;
      const now = await client.post<ImageRecord>(path, { multicast: multicastUse(use) });
      if (call.json) printJson(now);
      else printLine(`${now.name} has ${multicastText(now.multicast)}.`);
    },
  },
  {
    words: "image encrypt",
    operands: "NAME on|off",
    operandCount: 2,
    summary: "Say whether an image is cast encrypted, in sessions from now on.",
    options: {},
    run: async (client, call) => {
      const [name = "", given = ""] = call.positionals;
      const encrypt = onOffWord(given, "Encryption");
      const { id } = await findImage(client, name);
      const now = await client.post<ImageRecord>(`/images/${id}/encryption`, { encrypt });
      if (call.json) printJson(now);
      else printLine(`${now.name} is cast ${encryptText(now.encrypt)}.`);
    },
  },
  {
    words: "image remove",
    operands: "NAME",
    operandCount: 1,
    summary: "Remove an image that no deployment uses.",
    options: {},
    run: async (client, call) => {
      const image = await findImage(client, call.positionals[0] ?? "");
      await client.remove(`/images/${image.id}`);
      if (call.json) printJson({ removed: image.id });
      else printLine(`${image.name} is removed.`);
    },
  },
];
