/** What of users' profiles is kept: the folders "What does USMT migrate?" (MigUser.xml) lists, and Downloads. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { findInAnyCase } from "../volumes.ts";

const folders = [
  "Desktop",
  "Documents",
  "Downloads",
  "Favorites",
  "Music",
  "Pictures",
  "Videos",
  "AppData\\Roaming\\Microsoft\\Windows\\Start Menu",
  "AppData\\Roaming\\Microsoft\\Internet Explorer\\Quick Launch",
];
const noUsers = new Set(["default", "default user", "all users", "defaultuser0", "defaultapppool"]);

/** Paths below `usersFolder` that are there, with slashes: "alice/Documents". */
export async function keptFolders(usersFolder: string): Promise<string[]> {
  const found: string[] = [];
  const profiles = await readdir(usersFolder, { withFileTypes: true });
  for (const profile of profiles) {
    if (!profile.isDirectory() || noUsers.has(profile.name.toLowerCase())) continue;
    for (const folder of folders) {
      const path = await findInAnyCase(usersFolder, [profile.name, ...folder.split("\\")]);
      if (existsSync(path)) found.push(path.slice(usersFolder.length + 1));
    }
  }
  return found;
}
