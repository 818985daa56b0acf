/** volley image import | list | show | verify | multicast | remove */
import type { ImageRecord, VerificationState } from "../../contract/administration.ts";
import { VolleyError } from "../../contract/errors.ts";
import type { SiteClient } from "../client.ts";
import type { SiteCommand } from "./command.ts";
import { importImage, importOptions } from "./image-import.ts";
import { multicastText, multicastUse } from "./multicast-use.ts";
import { bytesText, printJson, printLine, printTable } from "./output.ts";
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
      `${bytesText(image.contentBytes)} in ${image.chunks - image.holes} chunks; ${image.holes} holes`,
    ],
    ["boots with", firmwareText(image)],
    ["sent by", multicastText(image.multicast)],
    ["sectors", `${image.sectorBytes} bytes`],
    ["smallest disk", `${image.smallestDiskBytes} bytes`],
    ["imported", image.imported],
  ]);
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
        image.imported.slice(0, 16).replace("T", " "),
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
    operands: "NAME",
    operandCount: 1,
    summary: "Read an image's content again and compare it with its signed manifest.",
    options: {},
    run: async (client, call) => {
      const image = await findImage(client, call.positionals[0] ?? "");
      const { id } = await client.post<VerificationState>(`/images/${image.id}/verify`, {});
      const poll = () => client.get<VerificationState>(`/verifications/${id}`);
      const state = await follow(`verifying ${image.name}`, poll, call.json);
      if (call.json) printJson(state);
      else {
        printLine(
          `${image.name}: all ${image.chunks} chunks are right, and the manifest is signed by this site.`,
        );
      }
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
