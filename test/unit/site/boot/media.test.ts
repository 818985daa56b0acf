/** What can be said of boot media without building them: their scripts, their settings, and what is refused. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
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
  const words = /vmlinuz (?:initrd=initrd\.zst |volley\.root=\$\{root\} )(console=.*quiet.*)$/m;
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

/** Kernel modules of version 6.0.0, by their paths; each has lines of its .modinfo. */
async function modulesCopied(context: TestContext, modules: Record<string, string[]>): Promise<string[]> {
  const folder = testFolder(context);
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  const source = join(from, "lib/modules/6.0.0");
  for (const [path, lines] of Object.entries(modules)) {
    mkdirSync(join(source, "kernel", path, ".."), { recursive: true });
    const text = lines.map((line) => `.asciz "${line}"\n`).join("");
    const input = `.section .modinfo, "a"\n${text}`;
    execFileSync("as", ["-o", join(source, "kernel", path), "-"], { input });
  }
  for (const name of ["modules.builtin", "modules.builtin.modinfo", "modules.order"]) {
    writeFileSync(join(source, name), "");
  }
  mkdirSync(join(to, "usr"), { recursive: true });
  await copyModules(from, to, "6.0.0");
  const index = readFileSync(join(to, "usr/lib/modules/6.0.0/modules.dep"), "utf8");
  return index.trim().split("\n").toSorted();
}

const noDepmod = spawnSync("depmod", ["--version"]).error === undefined ? false : "kmod is not installed";

test(
  "of the kernel's modules those for disks and adapters come, and no others",
  { skip: noDepmod },
  async (t) => {
    const card = "drivers/net/ethernet/a/card.ko";
    const copied = await modulesCopied(t, { [card]: [], "lib/helper.ko": [], "sound/noise.ko": [] });
    assert.deepEqual(copied, [`kernel/${card}:`]);
  },
);

test(
  "with a module comes what it asks for by name or alias, and what that does",
  { skip: noDepmod },
  async (t) => {
    const copied = await modulesCopied(t, {
      "fs/cifs/cifs.ko": ["softdep=pre: sign-it built-in", "softdep=hash", "softdep=post: later"],
      "crypto/sign_it.ko": ["softdep=pre: deep"],
      "crypto/deep.ko": [],
      "crypto/hash_generic.ko": ["alias=hash"],
      "arch/x86/hash-fast.ko": ["alias=hash"],
      "lib/later.ko": ["alias=sign-it"],
      "lib/other.ko": ["alias=sign-it", "alias=hashes"],
    });
    const names = [
      "arch/x86/hash-fast",
      "crypto/deep",
      "crypto/hash_generic",
      "crypto/sign_it",
      "fs/cifs/cifs",
    ];
    assert.deepEqual(
      copied,
      [...names, "lib/later"].map((name) => `kernel/${name}.ko:`),
    );
  },
);

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
