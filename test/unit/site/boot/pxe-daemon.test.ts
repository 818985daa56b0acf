/** dnsmasq is revived also where its configuration could not be written. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { dhcpProgram } from "../../../../site/boot/pxe-configuration.ts";
import { PxeDaemon } from "../../../../site/boot/pxe-daemon.ts";
import { openLog } from "../../../../site/log.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { waitFor } from "../../../fixtures/program.ts";

test("a configuration that cannot be written is reported, and dnsmasq starts when it can", async (context) => {
  const configurationFile = join(testFolder(context), "pxe", "test.conf");
  const folder = dirname(configurationFile);
  writeFileSync(folder, "a file where the folder belongs");
  const log = openLog({ file: null, quiet: true });
  const dnsmasq = new PxeDaemon({ program: dhcpProgram, title: "DHCP", configurationFile, log });
  context.after(() => dnsmasq.stop());
  // It serves nothing: what counts is that the process is there.
  const configuration = "port=0\nno-resolv\nno-hosts\nno-daemon\nlog-facility=-\n";
  await assert.rejects(dnsmasq.configure(configuration), /ENOTDIR/);
  assert.match(dnsmasq.failure?.detail ?? "", /ENOTDIR/);
  rmSync(folder);
  mkdirSync(folder);
  await waitFor(() => dnsmasq.failure === null, { what: "revival" });
  // Takes its turn after the revival.
  await dnsmasq.configure(configuration);
  assert.equal(dnsmasq.failure, null);
});
