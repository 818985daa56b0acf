/**
 * volley-agent.exe: the Windows Node with the agent inside, by the steps that Node's documentation gives for single
 * executable applications. Made on Linux, where node.exe does not run: the blob comes from the Linux Node of the same
 * version.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { replaceResources } from "./resources.ts";

export interface WindowsPackage {
  /** The Windows Node and the Linux Node of the same version. */
  windowsNode: string;
  linuxNode: string;
  /** The agent as one CommonJS file, in `work`. */
  bundle: string;
  addon: string;
  work: string;
  output: string;
}

/** Node looks for the blob where the character behind this is a "1". */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:";

export async function packageForWindows(options: WindowsPackage): Promise<void> {
  const { addon, bundle, linuxNode, output, windowsNode, work } = options;
  const configuration = join(work, "windows-sea.json");
  const blob = join(work, "windows.blob");
  const content = {
    // The path is written into the executable, so it is one that is the same on every machine.
    main: basename(bundle),
    output: basename(blob),
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: false,
    assets: { "volley.node": addon },
  };
  writeFileSync(configuration, JSON.stringify(content));
  execFileSync(linuxNode, ["--experimental-sea-config", basename(configuration)], { cwd: work });
  const node = lightFuse(readFileSync(windowsNode));
  writeFileSync(output, await replaceResources(node, readFileSync(blob)));
}

function lightFuse(program: Buffer): Buffer {
  const at = program.indexOf(fuse);
  const place = at + fuse.length;
  if (at < 0 || program.indexOf(fuse, place) >= 0 || program[place] !== 0x30) {
    throw new Error("This Node does not have the one place that says whether a program is inside");
  }
  program[place] = 0x31;
  return program;
}
