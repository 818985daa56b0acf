/** The site's boot media for machines that already run: they restart into the PE from their own disk. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { BootFileName, BootImageFacts, WinpeFileName } from "../../contract/boot-image.ts";
import { VolleyError } from "../../contract/errors.ts";
import { readMediaDescription } from "../boot/media-description.ts";
import { withoutCredential } from "../boot/winpe-credential.ts";
import { readWinpeDescription, winpeFolder } from "../boot/winpe-texts.ts";
import { takePiece } from "../store/files.ts";
import type { ApiContext } from "./context.ts";
import { offsetOf, parse, sendBytes } from "./routes.ts";
import type { Route } from "./route.ts";

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
        const offset = offsetOf(call.request);
        const piece = await readPiece(file, offset);
        return sendBytes(call, await given(mediaFolder, name, { offset, piece }));
      },
    },
  ];
}

/** A machine that has enrolled needs no credential, and a refresh leaves these files on its disk. Throws E_NOT_FOUND. */
async function given(
  mediaFolder: string,
  name: z.infer<typeof AnyFileName>,
  { offset, piece }: { offset: number; piece: Buffer },
): Promise<Buffer> {
  if (name === initrdName) {
    const { bytes } = (await readMediaDescription(mediaFolder)).withoutCredential;
    return piece.subarray(0, Math.max(0, bytes - offset));
  }
  if (name !== "boot.wim") return piece;
  const description = await readWinpeDescription(mediaFolder);
  if (description === null) throw new VolleyError("E_NOT_FOUND", "The site's boot media lack that file.");
  return withoutCredential(description.withoutCredential, { offset, piece });
}

async function winpeFacts(mediaFolder: string, preferred: boolean): Promise<BootImageFacts["winpe"]> {
  const description = await readWinpeDescription(mediaFolder);
  const sdi = description?.files[winpeNames["boot.sdi"]];
  if (description === null || sdi === undefined) return null;
  const { bytes, sha256 } = description.withoutCredential;
  const files = { "boot.wim": { bytes, sha256 }, "boot.sdi": sdi };
  return { version: description.version, preferred, files };
}

/** Nothing at the end. Throws E_NOT_FOUND. */
async function readPiece(path: string, offset: number): Promise<Buffer> {
  const file = await open(path, "r").catch((error: unknown) => {
    throw new VolleyError("E_NOT_FOUND", "The site's boot media lack that file.", { cause: error });
  });
  return takePiece(file, offset);
}
