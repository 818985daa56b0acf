/**
 * The rules of this repository, computed from the files themselves: the arrows between the rooms of
 * docs/ARCHITECTURE.md, who reads the command line, what a tracked file may hold, and that the linter is content.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Files that are longer than the guide, each with its reason. */
const longFiles = new Map<string, string>([["contract/errors.ts", "one table, an entry for each error"]]);
const longestFileLines = 400;

interface SourceFile {
  path: string;
  text: string;
}

/** Everything git tracks or would track, so that a new file is held to the rules before it is committed. */
function repositoryFiles(): SourceFile[] {
  const listing = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  const files: SourceFile[] = [];
  for (const path of new Set(listing.split("\0"))) {
    const found = path === "" ? undefined : statSync(join(root, path), { throwIfNoEntry: false });
    if (found?.isFile()) files.push({ path, text: readFileSync(join(root, path), "utf8") });
  }
  return files;
}

const files = repositoryFiles();
const typeScript = files.filter(({ path }) => /\.tsx?$/.test(path));
const cPlusPlus = files.filter(({ path }) => /^native\/.*\.(cpp|h)$/.test(path));
const roomOf = (path: string): string => path.split("/")[0] ?? path;

interface Import {
  specifier: string;
  /** Erased when it is compiled. */
  isType: boolean;
}

/** Imports of a TypeScript source, static and dynamic. */
function importsIn(text: string): Import[] {
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s(type\s)?[^;"'`]*?["']([^"'\n]+)["']|\bimport\(\s*["']([^"'\n]+)["']/g;
  return [...text.matchAll(pattern)].map(([, type, fixed, dynamic]) => ({
    specifier: fixed ?? dynamic ?? "",
    isType: type !== undefined,
  }));
}

const importsOf = (text: string): string[] => importsIn(text).map(({ specifier }) => specifier);

/** Where a relative specifier of the file at `path` leads, from the root of the repository. */
const resolved = (path: string, specifier: string): string => join(dirname(path), specifier);

/** What a file of a room may import of ours, beside its own room. Rooms that are not named may import anything. */
const allowedImports: Record<string, (target: string) => boolean> = {
  agent: (target) =>
    ["contract", "windows"].includes(roomOf(target)) ||
    // Without the rest of the addon, which a machine that is only looked at may lack.
    ["native/index.ts", "native/windows-machine.ts", "native/packaged-addon.ts"].includes(target),
  site: (target) => ["contract", "windows"].includes(roomOf(target)) || target === "native/index.ts",
  contract: () => false,
  windows: () => false,
  native: () => false,
  scripts: (target) => ["contract", "agent", "site"].includes(roomOf(target)) || target === "native/index.ts",
};

test("the arrows between the rooms hold", () => {
  const wrong: string[] = [];
  let seen = 0;
  for (const { path, text } of typeScript) {
    const isAllowed = allowedImports[roomOf(path)];
    for (const specifier of importsOf(text)) {
      if (!specifier.startsWith(".")) continue;
      seen += 1;
      const target = resolved(path, specifier);
      if (target.startsWith("..")) wrong.push(`${path} imports ${specifier}, outside the repository`);
      else if (isAllowed && roomOf(target) !== roomOf(path) && !isAllowed(target)) {
        wrong.push(`${path} imports ${target}`);
      }
    }
  }
  assert.ok(seen > 0, "no import was read at all");
  assert.deepEqual(wrong, []);
});

/** Rooms of the agent and of the site by docs/ARCHITECTURE.md: what each may import, and of what the types alone. */
function roomTable(): Map<string, { values: Set<string>; types: Set<string> }> {
  const text = readFileSync(join(root, "docs/ARCHITECTURE.md"), "utf8");
  const rows = text.matchAll(/^\| `((?:agent|site)\/[a-z]+)\/` \|.*\| ([^|]+) \|$/gm);
  return new Map(
    [...rows].map(([, room = "", cell = ""]) => {
      const parts = cell.split(", ").map((part) => /^(types of )?([a-z]+)$/.exec(part));
      assert.ok(!parts.includes(null), `${room} may use "${cell}", which is no list of rooms`);
      const named = (isTypes: boolean) => {
        const kept = parts.filter((part) => (part?.[1] !== undefined) === isTypes);
        return new Set(kept.map((part) => part?.[2] ?? ""));
      };
      return [room, { values: named(false), types: named(true) }];
    }),
  );
}

/** Put everything together, so they may import anything. */
const compositionRoots = new Set([
  "agent/main.ts",
  "site/main.ts",
  "site/options.ts",
  "site/parts.ts",
  "site/serving.ts",
  "site/site.ts",
]);

/** What a file is in: "agent/steps" of "agent/steps/linux/users.ts", "agent" of a file beside the rooms, else the room. */
function innerRoomOf(path: string): string {
  const [first = "", second = "", third] = path.split("/");
  if (first !== "agent" && first !== "site") return first;
  return third === undefined ? first : `${first}/${second}`;
}

test("the arrows between the rooms of the agent and of the site are those of docs/ARCHITECTURE.md", () => {
  const table = roomTable();
  const wrong: string[] = [];
  const drawn = new Set<string>();
  for (const { path, text } of typeScript) {
    const from = innerRoomOf(path);
    if (!["agent", "site"].includes(roomOf(path)) || compositionRoots.has(path)) continue;
    const rooms = new Set([...table.keys()].map((room) => room.split("/").at(-1) ?? ""));
    const allowed = from.includes("/") ? table.get(from) : { values: new Set(["contract"]), types: rooms };
    assert.ok(allowed, `docs/ARCHITECTURE.md does not name ${from}`);
    for (const { isType, specifier } of importsIn(text)) {
      if (!specifier.startsWith(".")) continue;
      const target = resolved(path, specifier);
      const to = innerRoomOf(target);
      // The site's commands start it.
      const isStarted = from === "site/commands" && ["site/options.ts", "site/site.ts"].includes(target);
      const isRoot = compositionRoots.has(target) && !isStarted;
      if (!isRoot && (to === from || to === roomOf(path))) continue;
      const name = to.split("/").at(-1) ?? "";
      if (isRoot || !(allowed.values.has(name) || (isType && allowed.types.has(name)))) {
        wrong.push(`${path} imports ${isType ? "a type of " : ""}${target}`);
      }
      drawn.add(`${from} > ${name}`);
    }
  }
  assert.deepEqual(wrong, []);
  const idle = [...table].flatMap(([room, { types, values }]) =>
    [...values, ...types]
      .filter((name) => !drawn.has(`${room} > ${name}`))
      .map((name) => `${room} > ${name}`),
  );
  assert.deepEqual(idle, [], "what the table allows is used");
});

test("the arrows between the rooms go round nowhere", () => {
  const table = roomTable();
  const below = (room: string, path: readonly string[]): void => {
    assert.ok(!path.includes(room), `${[...path, room].join(" > ")} goes round`);
    const [program = ""] = room.split("/");
    for (const name of table.get(room)?.values ?? []) below(`${program}/${name}`, [...path, room]);
  };
  for (const room of table.keys()) below(room, []);
});

test("importsOf reads every form of an import", () => {
  const text = [
    'import a from "./a.ts";',
    'import type {\n  B,\n} from "./b.ts";',
    'export { c } from "./c.ts";',
    'import "./d.ts";',
    'const e = await import("./e.ts");',
    'const text = "import nothing";',
  ].join("\n");
  assert.deepEqual(importsOf(text), ["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts"]);
  const types = importsIn(text).filter(({ isType }) => isType);
  assert.deepEqual(types, [{ specifier: "./b.ts", isType: true }]);
});

test("only agent/main.ts and site/main.ts read the command line and the environment", () => {
  const readers = typeScript
    .filter(({ path }) => ["agent", "site", "contract", "windows", "native"].includes(roomOf(path)))
    .filter(({ path }) => path !== "agent/main.ts" && path !== "site/main.ts")
    .filter(({ text }) =>
      /\bprocess\s*\.\s*(argv|env|execArgv)\b|\b(argv|env)\b[^;]*from "node:process"/.test(text),
    )
    .map(({ path }) => path);
  assert.deepEqual(readers, []);
});

/** What a room of native/ may include of ours, beside itself. */
const allowedIncludes: Record<string, string[]> = {
  binding: ["engine", "core", "port"],
  engine: ["core", "port"],
  core: [],
  port: [],
  linux: ["port"],
  windows: ["port"],
};
/** Every native room keeps its bounds in this one file, which includes nothing of ours. */
const nativeLimits = "core/limits.h";
/** Compilers' own headers for instruction sets and for asking the processor. */
const compilerHeaders = /^(cpuid|intrin|[a-z]*mmintrin)\.h$/;
/** Headers of an operating system, which belong to the folder named for it. */
const systemHeaders =
  /^(sys|linux|arpa|net|netinet)\/|^(unistd|fcntl|poll|pthread|dirent|signal|windows|winsock2|liburing)\.h$/i;

test("the arrows inside native/ hold, and core includes the standard library alone", () => {
  const wrong: string[] = [];
  for (const { path, text } of cPlusPlus) {
    const room = path.split("/")[1] ?? "";
    const allowed = allowedIncludes[room];
    assert.ok(allowed, `${path} is in no known room of native/`);
    for (const match of text.matchAll(/^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]/gm)) {
      const header = match[2] ?? "";
      const isOurs = match[1] === '"';
      const target = header.includes("/") ? roomOf(header) : room;
      const isStandard = /^[a-z_0-9]+$/.test(header) || compilerHeaders.test(header);
      const isOwnSystem = room === "linux" || room === "windows";
      if (isOurs) {
        const fine = target === room || allowed.includes(target) || header === nativeLimits;
        if (!fine) wrong.push(`${path} includes "${header}"`);
      } else if (room === "core" ? !isStandard : !isOwnSystem && systemHeaders.test(header)) {
        wrong.push(`${path} includes <${header}>`);
      }
    }
  }
  assert.ok(cPlusPlus.length > 0, "no C++ source was read at all");
  assert.deepEqual(wrong, []);
});

test("no tracked file names this machine's folders or a package registry", () => {
  const folder = /(^|[\s"'`(=:,])\/(work|home|Users)\/[A-Za-z]/m;
  const registry =
    /registry\.(npmjs|npmmirror|yarnpkg)\.|\b(deb|security|snapshot)\.debian\.org|\.pkg\.dev\b/;
  const wrong = files.filter(({ text }) => folder.test(text) || registry.test(text)).map(({ path }) => path);
  assert.deepEqual(wrong, []);
});

test(`source files stay under ${longestFileLines} lines`, () => {
  const isSource = (path: string): boolean =>
    /\.(tsx?|mjs|js|cpp|h|lua|css|html)$/.test(path) || path.startsWith("scripts/");
  const wrong = files
    .filter(({ path }) => isSource(path) && !longFiles.has(path))
    .map(({ path, text }) => ({ path, lines: text.split("\n").length - 1 }))
    .filter(({ lines }) => lines > longestFileLines)
    .map(({ path, lines }) => `${path}: ${lines} lines`);
  assert.deepEqual(wrong, []);
});

test("a file that starts with #! can be run, and no other script of scripts/ is executable", () => {
  const modes = execFileSync("git", ["ls-files", "-s", "-z"], { cwd: root, encoding: "utf8" });
  const wrong: string[] = [];
  for (const entry of modes.split("\0")) {
    const [facts = "", path = ""] = entry.split("\t");
    const file = files.find((candidate) => candidate.path === path);
    if (!file || !path.startsWith("scripts/")) continue;
    if (facts.startsWith("100755") !== file.text.startsWith("#!")) wrong.push(path);
  }
  assert.deepEqual(wrong, []);
});

test("the linter is content", () => {
  const linter = join(root, "node_modules/.bin/oxlint");
  const { status, stdout, stderr } = spawnSync(linter, ["--type-aware", "--format=unix"], {
    cwd: root,
    encoding: "utf8",
  });
  assert.equal(status, 0, `npm run lint:\n${stdout}${stderr}`);
});
