/** What can be said of boot media without building them: their scripts, their settings, and what is refused. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { buildMedia } from "../../../../site/boot/media.ts";
import { copyModules } from "../../../../site/boot/media-modules.ts";
import { grubMenu, ipxeScript, peFile, peSettings } from "../../../../site/boot/media-texts.ts";
import { testFolder } from "../../../fixtures/folder.ts";

const program = fileURLToPath(new URL("../../../../site/main.js", import.meta.url));

test("every script of the PE can be read by a POSIX shell", () => {
  for (const name of ["common", "start", "adapter", "lease", "console", "fetch-boot-packages"]) {
    execFileSync("sh", ["-n", peFile(name)], { stdio: ["ignore", "ignore", "pipe"] });
  }
});

test("a script that reads the settings finds each value as it was given", (context) => {
  const file = join(testFolder(context), "media");
  const settings = { site: "https://[fd00::1]:8443", fingerprint: "ab".repeat(32), built: 1_800_000_000 };
  writeFileSync(file, peSettings({ ...settings, version: "0.1.0", shell: false }));
  const line = '. "$1"; printf "%s|%s|%s|%s|%s" "$site" "$fingerprint" "$built" "$version" "$shell"';
  const read = execFileSync("sh", ["-c", line, "sh", file], { encoding: "utf8" });
  assert.equal(read, `${settings.site}|${settings.fingerprint}|1800000000|0.1.0|no`);
});

test("GRUB and iPXE start the same kernel with the same words, and UEFI's initramfs has a name", () => {
  const words = /vmlinuz (?:initrd=initrd\.zst )?(console=.*quiet.*)$/m;
  assert.equal(words.exec(grubMenu({ shell: false }))?.[1], words.exec(ipxeScript)?.[1]);
  assert.match(ipxeScript, /^#!ipxe\nkernel vmlinuz initrd=initrd\.zst /);
});

test("GRUB lets nobody change what it starts, unless a shell was asked for, and starts it without a password", () => {
  const [closed, open] = [grubMenu({ shell: false }), grubMenu({ shell: true })];
  assert.match(closed, /^set superusers=""\n/);
  assert.equal(closed.replace('set superusers=""\n', ""), open);
  const entries = closed.split("\n").filter((line) => line.startsWith("menuentry "));
  assert.equal(entries.length, 2);
  for (const entry of entries) assert.match(entry, / --unrestricted \{$/);
});

test("of the kernel's modules those for disks and adapters come, and no others", async (context) => {
  if (spawnSync("depmod", ["--version"]).error !== undefined) return context.skip("kmod is not installed");
  const folder = testFolder(context);
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  const modules = join(from, "lib/modules/6.0.0");
  for (const path of ["drivers/net/ethernet/a/card.ko", "lib/helper.ko", "sound/noise.ko"]) {
    mkdirSync(join(modules, "kernel", path, ".."), { recursive: true });
    writeFileSync(join(modules, "kernel", path), "");
  }
  for (const name of ["modules.builtin", "modules.builtin.modinfo", "modules.order"]) {
    writeFileSync(join(modules, name), "");
  }
  mkdirSync(join(to, "usr"), { recursive: true });
  await copyModules(from, to, "6.0.0");
  const index = readFileSync(join(to, "usr/lib/modules/6.0.0/modules.dep"), "utf8");
  assert.deepEqual(index.trim().split("\n"), ["kernel/drivers/net/ethernet/a/card.ko:"]);
});

test("without a packaged agent nothing is fetched", async (context) => {
  const folder = testFolder(context);
  const options = {
    site: "https://site:8443",
    fingerprint: "ab".repeat(32),
    credential: "secret",
    credentialExpires: "",
    agent: join(folder, "nothing"),
    shell: true,
    output: join(folder, "media"),
    packages: [],
    onStep: () => assert.fail("a step was begun"),
  };
  await assert.rejects(buildMedia(options), { code: "E_TOOL_MISSING" });
});

test("volley media build says what is wrong with its words", (context) => {
  const folder = testFolder(context);
  const refusal = (...words: string[]): string => {
    const line = [program, "media", "build", "--data", join(folder, "site"), ...words];
    const { status, stderr } = spawnSync(process.execPath, line, { encoding: "utf8" });
    assert.equal(status, 2, stderr);
    return stderr;
  };
  assert.match(refusal(), /--site is missing/);
  assert.match(refusal("--site", "http://site"), /--site is to be https/);
  assert.match(refusal("--site", "https://site:1/$(reboot)"), /--site is to be https/);
  assert.match(refusal("--site", "https://site:8443"), /--output is missing/);
  assert.match(refusal("--site", "https://site:8443", "--shell"), /--output is missing/);
  assert.match(refusal("--site", "https://site:8443", "--no-shell"), /no-shell/);
  const whole = ["--site", "https://site:8443", "--output", join(folder, "media")];
  assert.match(refusal(...whole, "--package", "--evil"), /--package|no name of a Debian package/);
  assert.match(refusal(...whole, "--package", "a;b"), /no name of a Debian package/);
});
