// Exits 0 when node_modules holds exactly what package-lock.json says, else 1 with the first difference.
// It runs before anything is installed or built, so it is plain JavaScript and imports nothing but Node's own.
// npm writes node_modules/.package-lock.json when an install is complete: comparing the two costs no walk.
import { readFileSync } from "node:fs";

const root = new URL("../", import.meta.url);

const readPackages = (path) => {
  try {
    return JSON.parse(readFileSync(new URL(path, root), "utf8")).packages ?? {};
  } catch {
    return undefined;
  }
};

const differ = (why) => {
  console.log(why);
  process.exit(1);
};

const wanted = readPackages("package-lock.json");
const installed = readPackages("node_modules/.package-lock.json");
if (wanted === undefined) differ("package-lock.json cannot be read");
if (installed === undefined) differ("nothing is installed yet");

const described = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
for (const group of ["dependencies", "devDependencies"]) {
  for (const [name, range] of Object.entries(described[group] ?? {})) {
    if (wanted[""][group]?.[name] !== range) differ(`package-lock.json does not know ${name} ${range}`);
  }
}
for (const [path, entry] of Object.entries(wanted)) {
  if (path === "") continue;
  const found = installed[path];
  if (found === undefined && !entry.optional) differ(`${path} is missing`);
  if (found !== undefined && (found.version !== entry.version || found.integrity !== entry.integrity)) {
    differ(`${path} is ${found.version}, not ${entry.version}`);
  }
}
for (const path of Object.keys(installed)) {
  if (wanted[path] === undefined) differ(`${path} is not in package-lock.json`);
}
