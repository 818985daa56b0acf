/** What boot loaders are told, read by GRUB's own parser. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import {
  grubBoot,
  grubBootstrap,
  grubConfiguration,
  grubRestart,
  type PxeAnswer,
} from "../../../../site/boot/pxe-scripts.ts";

const answers: PxeAnswer[] = [
  { kind: "boot", what: "deployment lab" },
  { kind: "prompt", what: 'deployment "lab"; $x', seconds: 15 },
  { kind: "hold", as: "5c0de000-0000-4000-8000-000000000001" },
  { kind: "local", reason: "nothing is deployed to this computer" },
];

test("GRUB can read every configuration that it is sent", () => {
  const hashes = [null, "grub.pbkdf2.sha512.10000.AA.BB"];
  const texts = answers.flatMap((answer) =>
    hashes.map((passwordHash) => grubConfiguration(answer, { computer: "uuid_mac", passwordHash })),
  );
  for (const text of [...texts, grubBootstrap(), grubBoot(), grubRestart()]) {
    assert.doesNotThrow(
      () => execFileSync("grub-script-check", { input: text, stdio: ["pipe", "pipe", "pipe"] }),
      text,
    );
  }
});

test("a computer that is to start from its disk has the disk's own loader started", () => {
  for (const kind of ["prompt", "hold", "local"]) {
    const answer = answers.find((one) => one.kind === kind);
    assert.ok(answer);
    const text = grubConfiguration(answer, { computer: "uuid_mac", passwordHash: null });
    assert.match(text, /\/EFI\/Microsoft\/Boot\/bootmgfw\.efi .*\/EFI\/BOOT\/BOOTX64\.EFI; do/, kind);
  }
});
