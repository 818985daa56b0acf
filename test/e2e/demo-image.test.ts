/**
 * The demo's default image is a computer: it boots to a login in an emulator, from BIOS and from UEFI with Secure
 * Boot on. Minutes, so only at the level `e2e`; it needs root, because making the image does.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const bootLimitMs = 6 * 60_000;
const wanted = process.env["VOLLEY_TEST_LEVEL"] === "e2e";
const skip = wanted ? false : "boots machines: scripts/test --e2e";

let folder = "";
let image = "";

before(async () => {
  if (!wanted) return;
  folder = await mkdtemp(join(tmpdir(), "volley-boot-"));
  const { stdout } = await promisify(execFile)(join(root, "scripts/make-demo-image"));
  image = stdout.trim();
});
after(async () => {
  if (folder !== "") await rm(folder, { recursive: true, force: true });
});

/** Starts the emulator with `hardware` and waits for the login prompt on the serial port; gives what was printed. */
async function bootToLogin(hardware: string[]): Promise<string> {
  const serial = join(folder, "serial.log");
  const common = ["-accel", "tcg", "-cpu", "max", "-m", "1024", "-display", "none", "-monitor", "none"];
  const machine = spawn(
    "qemu-system-x86_64",
    [...common, "-nic", "none", "-no-reboot", "-serial", `file:${serial}`, ...hardware],
    { stdio: "inherit" },
  );
  const ended = new Promise<void>((resolve) => machine.once("close", () => resolve()));
  try {
    const limit = Date.now() + bootLimitMs;
    let printed = "";
    while (!printed.includes("login:") && Date.now() < limit && machine.exitCode === null) {
      await sleep(500);
      printed = await readFile(serial, "latin1").catch(() => "");
    }
    return printed;
  } finally {
    machine.kill("SIGKILL");
    await ended;
    await rm(serial, { force: true });
  }
}

test("the image holds at least 200 MB of real files", { skip }, async () => {
  const { blocks, size } = await stat(image);
  assert.ok(blocks * 512 >= 200e6, `${blocks * 512} bytes allocated`);
  assert.ok(size > blocks * 512, "the image has no hole");
});

test("it boots under BIOS from a virtio disk", { skip }, async () => {
  const printed = await bootToLogin(["-drive", `file=${image},format=raw,if=virtio,snapshot=on`]);
  assert.match(printed, /Volley demo system: Debian.*volley-demo, ttyS0/);
});

test("it boots under UEFI with Secure Boot from a SATA disk", { skip }, async () => {
  const variables = join(folder, "variables.fd");
  await copyFile("/usr/share/OVMF/OVMF_VARS_4M.ms.fd", variables);
  const firmware = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
  const options = [
    "-machine q35,smm=on -global driver=cfi.pflash01,property=secure,value=on",
    `-drive if=pflash,format=raw,unit=0,readonly=on,file=${firmware}`,
    `-drive if=pflash,format=raw,unit=1,file=${variables}`,
    `-drive file=${image},format=raw,if=none,id=disk,snapshot=on`,
    "-device ahci,id=sata -device ide-hd,drive=disk,bus=sata.0",
  ];
  const printed = await bootToLogin(options.flatMap((option) => option.split(" ")));
  assert.match(printed, /Volley demo system: Debian.*volley-demo, ttyS0/);
});
