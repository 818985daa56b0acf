// Removes from dist/ what no source stands for any more, so that a deleted or renamed test does not run on.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join, relative } from "node:path";

const root = fileURLToPath(new URL("../", import.meta.url));
const dist = join(root, "dist");

for (const entry of existsSync(dist) ? readdirSync(dist, { recursive: true, withFileTypes: true }) : []) {
  if (!entry.isFile() || !/\.js(\.map)?$/.test(entry.name)) continue;
  const built = join(entry.parentPath ?? entry.path, entry.name);
  const source = join(root, relative(dist, built)).replace(/\.js(\.map)?$/, ".ts");
  if (!existsSync(source)) rmSync(built, { force: true });
}
