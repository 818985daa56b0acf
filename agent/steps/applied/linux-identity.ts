/**
 * Making a Linux that was applied from an image a computer of its own: its name, and nothing left of what is to be
 * different on every machine. Source: "Building Images Safely" (systemd.io/BUILDING_IMAGES), machine-id(5).
 */
import { existsSync } from "node:fs";
import { chmod, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { codes } from "../codes.ts";
import { runOrFail, StepFailure } from "../step-kind.ts";
import type { StepContext } from "../step.ts";

/** hostname(7), RFC 1123: labels of 63 characters; Linux keeps 64 in all. */
const hostName =
  /^(?=.{1,64}$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
const perMachineFiles = [
  "var/lib/systemd/random-seed",
  "var/lib/systemd/credential.secret",
  "var/lib/dbus/machine-id",
];

export interface LinuxIdentity {
  computerName: string;
  /** "Europe/Berlin"; empty to leave the image's. */
  timeZone: string;
  /** Of root; empty to leave the image's. */
  password: string;
  /** Nobody logs in as root with a password. */
  lockRoot: boolean;
}

/** `root`: where its root is mounted. Throws StepFailure. */
export async function makeOwnLinux(
  context: StepContext,
  root: string,
  identity: LinuxIdentity,
): Promise<void> {
  const { computerName } = identity;
  if (!hostName.test(computerName)) {
    throw new StepFailure(codes.invalidSetting, `"${computerName}" cannot be the name of a Linux computer`);
  }
  await nameComputer(root, computerName);
  // Empty: the first start makes a new one. Without the file that start would count as a first boot of everything.
  await writeFile(join(root, "etc/machine-id"), "");
  for (const name of perMachineFiles) await rm(join(root, name), { force: true });
  await renewHostKeys(context, root);
  await setTimeZone(context, root, identity.timeZone);
  await setPassword(context, root, identity);
}

async function nameComputer(root: string, name: string): Promise<void> {
  await writeFile(join(root, "etc/hostname"), `${name}\n`);
  const path = join(root, "etc/hosts");
  const text = await readFile(path, "utf8").catch(() => "127.0.0.1\tlocalhost\n::1\tlocalhost\n");
  const [short = name] = name.split(".");
  // "5.1.2. The hostname resolution" (Debian reference): the address that stands for the computer's own name.
  const own = `127.0.1.1\t${name === short ? name : `${name} ${short}`}`;
  const lines = text.split("\n").filter((line) => !/^\s*127\.0\.1\.1\s/.test(line));
  const after = lines.findIndex((line) => /^\s*127\.0\.0\.1\s/.test(line)) + 1;
  lines.splice(after, 0, own);
  await writeFile(path, lines.join("\n"));
}

/** Everyone who has the image has the keys in it. */
async function renewHostKeys(context: StepContext, root: string): Promise<void> {
  const folder = join(root, "etc/ssh");
  const names = await readdir(folder).catch(() => []);
  const keys = names.filter((name) => /^ssh_host_.*_key(?:\.pub)?$/.test(name));
  for (const name of keys) await rm(join(folder, name));
  if (keys.length === 0 || !existsSync(join(root, "usr/bin/ssh-keygen"))) return;
  await runOrFail(context, "make new host keys", { command: ["chroot", root, "/usr/bin/ssh-keygen", "-A"] });
}

async function setTimeZone(context: StepContext, root: string, zone: string): Promise<void> {
  if (zone === "") return;
  const isPath = /^[A-Za-z0-9_+-]+(?:\/[A-Za-z0-9_+-]+)*$/.test(zone);
  if (!isPath || !existsSync(join(root, "usr/share/zoneinfo", zone))) {
    context.log.warning(`The applied Linux has no time zone "${zone}"; the image's stays`);
    return;
  }
  const link = join(root, "etc/localtime");
  await rm(link, { force: true });
  await symlink(`/usr/share/zoneinfo/${zone}`, link);
  if (existsSync(join(root, "etc/timezone"))) await writeFile(join(root, "etc/timezone"), `${zone}\n`);
}

async function setPassword(
  context: StepContext,
  root: string,
  { lockRoot, password }: LinuxIdentity,
): Promise<void> {
  if (password !== "") {
    await runOrFail(context, "set root's password", {
      command: ["chroot", root, "/usr/sbin/chpasswd"],
      input: `root:${password}\n`,
    });
  } else if (lockRoot) {
    const shadow = join(root, "etc/shadow");
    const text = await readFile(shadow, "utf8");
    await writeFile(shadow, text.replace(/^root:[^:]*/m, "root:!*"));
    await chmod(shadow, 0o640);
  }
}
