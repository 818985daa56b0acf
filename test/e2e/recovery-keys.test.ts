/** BitLocker's recovery password from the step to the site, to an administrator, and to nobody else. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { siteServices, type SiteServicesOptions } from "../../agent/deploying/site-services.ts";
import { DeploymentSite } from "../../agent/site/deployment-site.ts";
import type { AuditEntry, TokenAnswer } from "../../contract/accounts.ts";
import type { DeviceRecord } from "../../contract/devices.ts";
import type { RecoveryKey } from "../../contract/recovery-keys.ts";
import type { SequenceRecord } from "../../contract/sequence.ts";
import { uploadFile } from "../../site/commands/upload.ts";
import { enrolClient } from "../fixtures/enrolled-client.ts";
import { HttpsCaller } from "../fixtures/https.ts";
import { Program } from "../fixtures/program.ts";
import { openRoom } from "../fixtures/room.ts";
import { commandStep, sequenceText } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { keepsSecret, makeRoom, succeed } from "../fixtures/windows-room.ts";
import { volumeState } from "../fixtures/windows-tools/manage-bde.ts";

const volley = fileURLToPath(new URL("../../site/main.js", import.meta.url));
/** As the double of manage-bde makes them. */
const password = Array.from({ length: 8 }, () => "123456").join("-");

/** Every file of the site's folder, its database's among them. */
function filesWith(site: SiteProcess, text: string): string[] {
  return readdirSync(site.folder, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(text));
}

test("a recovery password reaches the site sealed, and from there an administrator alone", async (context) => {
  const room = await openRoom("recovery keys");
  context.after(() => room.close());
  const site = await room.startSite();
  const file = join(room.folder, "one.xml");
  writeFileSync(file, sequenceText(commandStep("One", "true")));
  const request = { name: "one", fileName: "one.xml", uploadId: await uploadFile(site.client, file, true) };
  const { id: sequenceId } = await site.client.post<SequenceRecord>("/sequences", request);
  const machine = await enrolClient(site, "laptop", join(room.folder, "state"));
  const other = await enrolClient(site, "other", join(room.folder, "state other"));
  context.after(() => {
    machine.close();
    other.close();
  });
  const deployment = await site.createDeployment({
    name: "laptops",
    imageId: null,
    sequenceId,
    machines: [machine.id],
  });

  const ours = new DeploymentSite(machine.client, deployment.id);
  const options = { deployment, site: ours, content: null, state: { path: room.folder }, by: {} };
  const windows = makeRoom(context, "windows");
  windows.answers.push(["Win32_Tpm", () => 0]);
  windows.services.recoveryKeys = siteServices(options as unknown as SiteServicesOptions).recoveryKeys;
  const run = await windows.perform("EnableBitLocker", { Mode: "TPM", CreateRecoveryPassword: "CMDB" });
  succeed(run);
  keepsSecret(run, password);
  const protectors = [...volumeState(windows.machine, "C:").protectors];
  const [id] = protectors.find(([, kind]) => kind === "recovery") ?? [];
  assert.ok(id !== undefined);

  // The answer to the first may have been lost.
  await ours.keepRecoveryKey({ drive: "C:", id, password });
  const stranger = new DeploymentSite(other.client, deployment.id);
  await assert.rejects(stranger.keepRecoveryKey({ drive: "C:", id, password }), { code: "E_FORBIDDEN" });
  for (const wrong of [
    { drive: "C:", id: "{1}", password },
    { drive: "C:", id, password: "123456" },
  ]) {
    await assert.rejects(ours.keepRecoveryKey(wrong), { code: "E_REQUEST_INVALID" });
  }

  const devices = await site.client.get<DeviceRecord[]>("/devices");
  const device = devices.find(({ machineId }) => machineId === machine.id);
  assert.ok(device);
  const path = `/devices/${device.id}/recovery-keys`;
  const authority = readFileSync(join(site.folder, "authority", "authority.pem"), "utf8");
  const caller = new HttpsCaller({ host: site.address, port: site.port, authority });
  context.after(() => caller.close());
  for (const role of ["viewer", "operator"]) {
    const wish = { name: role, role, validDays: 1 };
    const { token } = await site.client.post<TokenAnswer>("/tokens", wish);
    const answer = await caller.call({ path: `/api/v1${path}`, token });
    assert.equal(answer.status, 403, role);
    assert.ok(!answer.text.includes(password));
  }

  const line = [
    process.execPath,
    volley,
    "device",
    "recovery-keys",
    "laptop",
    "--data",
    site.folder,
    "--json",
  ];
  const program = new Program("volley device recovery-keys", line);
  assert.equal((await program.ended).code, 0, program.errorOutput);
  const keys = JSON.parse(program.output) as RecoveryKey[];
  assert.deepEqual(
    keys.map(({ kept: _kept, ...key }) => key),
    [{ drive: "C:", id, password, deployment: "laptops" }],
  );
  const audit = await site.client.get<AuditEntry[]>("/audit");
  assert.ok(
    audit.some(({ action, target }) => `${action} ${target}`.includes(device.id)),
    JSON.stringify(audit[0]),
  );

  // A site that was killed has it still, and no file of its holds it in clear: neither the database nor a log.
  await site.kill();
  assert.deepEqual(filesWith(site, password), []);
  await site.start();
  assert.equal((await site.client.get<RecoveryKey[]>(path))[0]?.password, password);
});
