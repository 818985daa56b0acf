/** The site's boot media for machines that already run: they restart into the PE from their own disk. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { BootFileName, BootImageFacts } from "../../contract/boot-image.ts";
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { readMediaDescription } from "../boot/media-description.ts";
import type { ApiContext } from "./context.ts";
import { offsetOf, parse, sendBytes, type Route } from "./routes.ts";

export function bootImageRoutes({ mediaFolder }: ApiContext): Route[] {
  const path = "/boot-image";
  return [
    {
      method: "GET",
      path,
      who: "machine",
      handle: async (): Promise<BootImageFacts> => {
        const { agent, built, commandLine, files, kernel } = await readMediaDescription(mediaFolder);
        const ours = Object.entries(files).filter(([name]) => BootFileName.safeParse(name).success);
        return BootImageFacts.parse({ agent, built, kernel, commandLine, files: Object.fromEntries(ours) });
      },
    },
    {
      method: "GET",
      path: `${path}/:name/:offset`,
      who: "machine",
      handle: async (call) => {
        const name = parse(BootFileName, (call.request.params as { name?: string }).name);
        return sendBytes(call, await readPiece(join(mediaFolder, name), offsetOf(call.request)));
      },
    },
  ];
}

/** Nothing at the end. Throws E_NOT_FOUND. */
async function readPiece(path: string, offset: number): Promise<Buffer> {
  const handle = await open(path, "r").catch((error: unknown) => {
    throw new VolleyError("E_NOT_FOUND", "The site's boot media lack that file.", { cause: error });
  });
  try {
    const piece = Buffer.alloc(limits.filePieceBytes);
    const { bytesRead } = await handle.read(piece, 0, piece.length, offset);
    return piece.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
