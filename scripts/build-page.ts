/**
 * Builds the page: site/dashboard, with Vite, into dist/site/dashboard/page, where the site finds it. Says how large it
 * is. Everything that the page needs goes in: it asks nothing of any host but its site.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

const root = fileURLToPath(new URL("../../", import.meta.url));
const output = join(root, "dist/site/dashboard/page");

await build({
  configFile: false,
  root: join(root, "site/dashboard"),
  cacheDir: join(root, "build/vite"),
  logLevel: "warn",
  build: {
    outDir: output,
    emptyOutDir: true,
    target: "es2022",
    // Inlined files and helpers would need a wider policy of the site.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});

const files = readdirSync(output, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const bytes = files.map((entry) => gzipSync(readFileSync(join(entry.parentPath, entry.name))).length);
console.log(`the page: ${files.length} files, ${bytes.reduce((sum, one) => sum + one, 0)} bytes with gzip`);
