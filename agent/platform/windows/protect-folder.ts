/** A folder that administrators and the system alone may enter, whoever made it. */
import { lstatSync } from "node:fs";
import { VolleyError } from "../../../contract/errors.ts";
import type { WindowsTools } from "./tools.ts";

/** Security identifiers mean the same in every language: "Well-known SIDs" (Windows). */
const administrators = "*S-1-5-32-544";
const system = "*S-1-5-18";

/**
 * What takes a folder over with all in it: the owner, then every permission that somebody else gave, then the two that
 * remain.
 */
export function closingCommands(folder: string): [string, ...string[]][] {
  const all = ["/T", "/C", "/L", "/Q"];
  return [
    ["icacls.exe", folder, "/setowner", administrators, ...all],
    ["icacls.exe", folder, "/reset", ...all],
    [
      "icacls.exe",
      folder,
      "/inheritance:r",
      "/grant:r",
      `${administrators}:(OI)(CI)F`,
      `${system}:(OI)(CI)F`,
      "/Q",
    ],
  ];
}

/** Closes the folder so. Without an administrator's rights it stays its user's own. Rejects with E_OUTBOX. */
export async function protectFolder(folder: string, elevated: boolean, tools: WindowsTools): Promise<void> {
  if (lstatSync(folder).isSymbolicLink()) {
    throw new VolleyError("E_OUTBOX", `${folder} leads to another folder, so it cannot be kept closed`);
  }
  if (!elevated) return;
  for (const command of closingCommands(folder)) {
    if ((await tools.run(command)) !== null) continue;
    throw new VolleyError("E_OUTBOX", `icacls could not keep ${folder} to administrators alone`);
  }
}
