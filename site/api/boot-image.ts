/** The site's boot media for machines that already run: they restart into the PE from their own disk. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { BootFileName, BootImageFacts, WinpeFileName } from "../../contract/boot-image.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { readMediaDescription } from "../boot/media-description.ts";
import { readWinpeDescription, winpeFolder } from "../boot/winpe-texts.ts";
import type { ApiContext } from "./context.ts";
import { offsetOf, parse, sendBytes, type Route } from "./routes.ts";

const initrdName = "initrd.zst";
const AnyFileName = z.union([BootFileName, WinpeFileName]);

/** Below its own folder, as volley media build lays them out. */
const winpeNames = { "boot.wim": "Boot/boot.wim", "boot.sdi": "Boot/boot.sdi" };
const winpePaths = new Map<string, string>(
  Object.entries(winpeNames).map(([name, path]) => [name, join(winpeFolder, path)]),
);

export function bootImageRoutes({ mediaFolder, pxe }: ApiContext): Route[] {
  const path = "/boot-image";
  return [
    {
      method: "GET",
      path,
      who: "machine",
      handle: async (): Promise<BootImageFacts> => {
        const media = await readMediaDescription(mediaFolder);
        const { agent, built, commandLine, kernel } = media;
        const files = { ...media.files, [initrdName]: media.withoutCredential };
        const ours = Object.entries(files).filter(([name]) => BootFileName.safeParse(name).success);
        const preferred = pxe.properties.bootImage === "winpe";
        const winpe = await winpeFacts(mediaFolder, preferred);
        const facts = { agent, built, kernel, commandLine, files: Object.fromEntries(ours), winpe };
        return BootImageFacts.parse(facts);
      },
    },
    {
      method: "GET",
      path: `${path}/:name/:offset`,
      who: "machine",
      handle: async (call) => {
        const name = parse(AnyFileName, (call.request.params as { name?: string }).name);
        const file = join(mediaFolder, winpePaths.get(name) ?? name);
        const most =
          name === initrdName
            ? (await readMediaDescription(mediaFolder)).withoutCredential.bytes
            : Number.POSITIVE_INFINITY;
        return sendBytes(call, await readPiece(file, offsetOf(call.request), most));
      },
    },
  ];
}

async function winpeFacts(mediaFolder: string, preferred: boolean): Promise<BootImageFacts["winpe"]> {
  const description = await readWinpeDescription(mediaFolder);
  const wim = description?.files[winpeNames["boot.wim"]];
  const sdi = description?.files[winpeNames["boot.sdi"]];
  if (description === null || wim === undefined || sdi === undefined) return null;
  return { version: description.version, preferred, files: { "boot.wim": wim, "boot.sdi": sdi } };
}

/** Nothing at the end, or from byte `most` on. Throws E_NOT_FOUND. */
async function readPiece(path: string, offset: number, most: number): Promise<Buffer> {
  const handle = await open(path, "r").catch((error: unknown) => {
    throw new VolleyError("E_NOT_FOUND", "The site's boot media lack that file.", { cause: error });
  });
  try {
    const piece = Buffer.alloc(Math.max(0, Math.min(limits.filePieceBytes, most - offset)));
    const { bytesRead } = await handle.read(piece, 0, piece.length, offset);
    return piece.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
