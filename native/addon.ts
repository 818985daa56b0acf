/** Loads the addon, once: from inside the packaged program, or from where the build put it. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { isSea } from "node:sea";
import { fileURLToPath } from "node:url";
import { loadPackagedAddon } from "./packaged-addon.ts";

let loaded: unknown;

/** The addon's exports. Throws where it is not built, or where the system refuses it. */
export function loadAddon(): unknown {
  loaded ??= isSea() ? loadPackagedAddon() : loadBuiltAddon();
  return loaded;
}

function loadBuiltAddon(): unknown {
  // One tree may hold both: what was built here, and what was built here for Windows.
  const places = process.platform === "win32" ? ["windows", "Release"] : ["Release"];
  // From dist/native/addon.js, or from the sources.
  const candidates = places
    .flatMap((place) => [`../../build/${place}/volley.node`, `../build/${place}/volley.node`])
    .map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const found = candidates.find((path) => existsSync(path));
  if (!found) throw new Error("The native addon is not built: run scripts/build");
  return createRequire(import.meta.url)(found);
}
