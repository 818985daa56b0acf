/** The PE's initramfs: packages, modules, scripts, the agent and what one site's media say. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { copyModules } from "./media-modules.ts";
import type { MediaPackages } from "./media-packages.ts";
import { peFile, peSettings } from "./media-texts.ts";
import { runMediaShell, runMediaTool } from "./media-tools.ts";

export interface PeContents {
  /** https://HOST:PORT */
  site: string;
  fingerprint: string;
  credential: string;
  /** Path of the packaged agent. */
  agent: string;
  version: string;
  /** Seconds since 1970. */
  built: number;
  /** A shell at the machine. */
  shell: boolean;
}

const compressionLevel = "10";

/**
 * Fills the packages' root folder and writes it to `output`, a new file. Answers how many bytes there are before the
 * credential: so much of it may be given to machines that have a key of their own. Throws E_TOOL_MISSING, E_TOOL_FAILED.
 */
export async function buildInitramfs(
  packages: MediaPackages,
  contents: PeContents,
  output: string,
): Promise<number> {
  const { root } = packages;
  await copyModules(packages.boot, root, packages.kernel);
  await linkBusybox(root);
  placeScripts(root, contents);
  placeAgent(root, contents.agent);
  write(root, "etc/volley/media", peSettings(contents));
  const pack = (name: string): Promise<string> =>
    runMediaShell(packing, [String(contents.built), compressionLevel, output, name], root);
  await pack(".");
  const sharedBytes = statSync(output).size;
  // A file that root reads, and on no command line.
  write(root, credentialPath, `${contents.credential}\n`, 0o600);
  await pack(credentialPath);
  return sharedBytes;
}

const credentialPath = "etc/volley/credential";
/** Root's files, all of one age: who packs them and when changes no byte. The kernel unpacks one archive after the other. */
const packing =
  'find "$4" -exec touch -h -d "@$1" {} + && find "$4" -print0 | LC_ALL=C sort -z | ' +
  'cpio --null --quiet --create --format=newc --owner=0:0 --reproducible | zstd -q -T0 "-$2" >>"$3"';

function write(root: string, path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  chmodSync(join(root, path), mode);
}

/** Busybox stands in for every program that no package brought. */
async function linkBusybox(root: string): Promise<void> {
  const names = await runMediaTool(join(root, "usr/bin/busybox"), ["--list"]);
  const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  for (const name of names.split("\n").filter((line) => line !== "")) {
    const places = ["usr/bin", "usr/sbin"].map((folder) => join(root, folder, name));
    const [first] = places;
    if (first !== undefined && !places.some(isThere)) symlinkSync("busybox", first);
  }
}

function placeScripts(root: string, { shell }: PeContents): void {
  for (const name of ["common", "start", "adapter", "lease", "console"]) {
    write(root, `usr/lib/volley/${name}`, readFileSync(peFile(name), "utf8"), 0o755);
  }
  const inittab = [peFile("inittab"), ...(shell ? [peFile("inittab-shell")] : [])];
  write(root, "etc/inittab", inittab.map((path) => readFileSync(path, "utf8")).join(""));
  write(root, "etc/mdev.conf", readFileSync(peFile("mdev.conf"), "utf8"));
  write(root, "etc/hostname", "volley-pe\n");
  write(root, "etc/hosts", "127.0.0.1 localhost\n");
  // rdate looks its port up.
  write(root, "etc/services", "ntp 123/udp\n");
  write(root, "etc/passwd", "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n");
  write(root, "etc/group", "root:x:0:\nnogroup:x:65534:\n");
  // Where sources of time zones, users and hosts are not said, libraries ask services that are not here.
  write(root, "etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n");
  symlinkSync("usr/bin/busybox", join(root, "init"));
  if (!existsSync(join(root, "usr/bin/sh"))) symlinkSync("busybox", join(root, "usr/bin/sh"));
}

function placeAgent(root: string, agent: string): void {
  copyFileSync(agent, join(root, "usr/bin/volley-agent"));
  chmodSync(join(root, "usr/bin/volley-agent"), 0o755);
  mkdirSync(join(root, "var/lib"), { recursive: true });
}
