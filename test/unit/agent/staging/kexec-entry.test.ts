/** Starting a PE by kexec, with a double of the program that takes what kexec(8) documents and nothing else. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { kexecEntry } from "../../../../agent/staging/kexec-entry.ts";
import type { VolumeFacts } from "../../../../agent/staging/volume.ts";
import { testFolder } from "../../../fixtures/folder.ts";

const volume: VolumeFacts = {
  mountPoint: "/",
  device: "/dev/sda1",
  fileSystem: "ext4",
  uuid: "",
  freeBytes: 0,
};

/** It writes what it was given to files beside itself. */
const double = `#!/bin/sh
here=\${0%/*}
load=no unload=no file=no kernel= initrd= line=
for word; do
  case $word in
    --version) echo "kexec-tools 2.0.25" && exit 0 ;;
    --load) load=yes ;;
    --unload) unload=yes ;;
    --kexec-file-syscall) file=yes ;;
    --initrd=*) initrd=\${word#*=} ;;
    --command-line=*) line=\${word#*=} ;;
    -*) echo "kexec: unrecognized option '$word'" >&2 && exit 255 ;;
    *) [ -z "$kernel" ] || exit 255; kernel=$word ;;
  esac
done
[ "$file" = yes ] || exit 255
if [ $unload = yes ]; then [ -z "$kernel" ] && rm -f "$here/loaded-initrd" "$here/loaded-line"; exit; fi
[ $load = yes ] && [ -r "$kernel" ] && [ ! -e "$here/refuses" ] || exit 255
cat "$initrd" >"$here/loaded-initrd"
echo "$line" >"$here/loaded-line"
`;

function withKexec(t: TestContext): string {
  const folder = testFolder(t);
  writeFileSync(join(folder, "kexec"), double, { mode: 0o755 });
  const path = process.env["PATH"];
  process.env["PATH"] = `${folder}:${path ?? ""}`;
  t.after(() => (process.env["PATH"] = path));
  return folder;
}

function filesOf(t: TestContext) {
  const folder = testFolder(t);
  const at = (name: string): string => join(folder, name);
  writeFileSync(at("vmlinuz"), "kernel");
  writeFileSync(at("state.cpio"), "first,");
  writeFileSync(at("initrd.zst"), "second");
  const initrds = [at("state.cpio"), at("initrd.zst")];
  return { folder, files: { volume, kernel: at("vmlinuz"), initrds, commandLine: "quiet panic=30" } };
}

test("both archives are one file for kexec, which does not stay on the disk", async (t) => {
  const program = withKexec(t);
  const { files, folder } = filesOf(t);
  const entry = kexecEntry();
  assert.equal(await entry.obstacle(volume), null);
  await entry.arm(files);
  assert.equal(readFileSync(join(program, "loaded-initrd"), "utf8"), "first,second");
  assert.equal(readFileSync(join(program, "loaded-line"), "utf8"), "quiet panic=30\n");
  assert.deepEqual(readdirSync(folder).sort(), ["initrd.zst", "state.cpio", "vmlinuz"]);
  writeFileSync(join(program, "systemctl"), '#!/bin/sh\n[ "$*" = kexec ] && : >"${0%/*}/restarted"\n', {
    mode: 0o755,
  });
  await entry.restart?.();
  for (const name of ["restarted", "systemctl"]) rmSync(join(program, name));
  await entry.disarm();
  assert.deepEqual(readdirSync(program), ["kexec"]);
});

test("a kernel that takes nothing is a failure that leaves nothing", async (t) => {
  const program = withKexec(t);
  writeFileSync(join(program, "refuses"), "");
  const { files, folder } = filesOf(t);
  await assert.rejects(kexecEntry().arm(files), { code: "E_STAGING" });
  assert.equal(readdirSync(folder).length, 3);
});

test("without the program it says which package brings it", async (t) => {
  const path = process.env["PATH"];
  process.env["PATH"] = testFolder(t);
  t.after(() => (process.env["PATH"] = path));
  assert.match((await kexecEntry().obstacle(volume)) ?? "", /kexec-tools/);
});
