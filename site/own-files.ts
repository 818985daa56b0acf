/** Files that the site comes with, besides its code. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Path of what is at `place` in the repository, "site/boot/pe/start", which the code or what was compiled of it is in. */
export function ownFile(place: string): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const above = dirname(folder);
    if (above === folder) throw new Error(`${place} is missing: the site lies outside its repository`);
    folder = above;
  }
  return join(folder, place);
}
