/** One file as a package. */
import { basename } from "node:path";
import type { MulticastUse } from "../../contract/common.ts";
import type { PackageRecord } from "../../contract/sequence.ts";
import type { SiteClient } from "../client.ts";
import { bytesText } from "../quantities.ts";
import type { CommandCall } from "./command.ts";
import { printJson, printLine } from "./output.ts";
import { uploadFile } from "./upload.ts";

export interface FileWish {
  packageId: string;
  name: string;
  path: string;
  multicast?: MulticastUse;
  encrypt: boolean;
  /** Nothing is said of the progress. */
  quiet: boolean;
}

export async function addFile(
  client: SiteClient,
  { name, packageId, path, quiet, ...more }: FileWish,
): Promise<PackageRecord> {
  return client.post<PackageRecord>("/packages", {
    ...more,
    packageId,
    name,
    kind: "file",
    fileName: basename(path),
    uploadId: await uploadFile(client, path, quiet),
  });
}

export function printPackage(added: PackageRecord, call: CommandCall): void {
  if (call.json) printJson(added);
  else printLine(`Package ${added.packageId} (${added.name}) is at the site: ${bytesText(added.bytes)}.`);
}
