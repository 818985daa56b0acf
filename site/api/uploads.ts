/** Uploads: files on their way into the file library (contract/sequence.ts). */
import { VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import { UploadRequest, type UploadState } from "../../contract/sequence.ts";
import type { ApiContext } from "./context.ts";
import { identifierOf, offsetOf, parse } from "./routes.ts";
import type { Route } from "./route.ts";

export function uploadRoutes({ files }: ApiContext): Route[] {
  return [
    {
      method: "POST",
      path: "/uploads",
      who: "machine-or-administrator",
      audited: false,
      handle: async (call): Promise<UploadState> => {
        const request = parse(UploadRequest, call.request.body);
        const state = await files.begin(call.machineId, request);
        call.reply.code(201);
        return state;
      },
    },
    {
      method: "PUT",
      path: "/uploads/:id/:offset",
      who: "machine-or-administrator",
      audited: false,
      handle: async ({ machineId, request }): Promise<UploadState> => {
        const { body } = request;
        if (!Buffer.isBuffer(body) || body.length > limits.filePieceBytes) {
          throw new VolleyError("E_REQUEST_INVALID", "A piece of a file comes as application/octet-stream.");
        }
        return await files.receive(machineId, identifierOf(request, "upload"), offsetOf(request), body);
      },
    },
  ];
}
