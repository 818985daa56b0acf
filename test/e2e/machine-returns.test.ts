/** A machine that lost its key comes back, in a PE that calls it something else: it is the one that it was, and no other is. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import type { AuditEntry } from "../../contract/accounts.ts";
import type { ImageRecord } from "../../contract/administration.ts";
import { ErrorAnswer } from "../../contract/common.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import { DeviceSite, type Enrolled } from "../fixtures/device-site.ts";
import type { Answer, Call } from "../fixtures/https.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

let lab: DeviceSite;
let site: SiteProcess;
let image: ImageRecord;
before(async () => {
  lab = await DeviceSite.open("machine returns");
  ({ image, site } = lab);
});
after(() => lab.close());

const api = (call: Call): Promise<Answer> => lab.api(call);
const devices = () => lab.devices();
const enrol: DeviceSite["enrol"] = (...words) => lab.enrol(...words);
const policyOf = (machine: Enrolled): Promise<string | null> => lab.policyOf(machine);

test("a PE under another name is the machine whose numbers it has, which goes on with its run", async () => {
  const numbers = { smbiosUuid: randomUUID(), macAddresses: ["02:00:00:00:07:01", "02:00:00:00:07:02"] };
  const machine = await enrol("lab-07", numbers);
  await site.createDeployment({
    name: "refresh",
    imageId: image.id,
    machines: [machine.id],
  });
  assert.equal(await policyOf(machine), "refresh");
  const pe: Partial<MachineFacts> = {
    smbiosUuid: numbers.smbiosUuid.toUpperCase(),
    macAddresses: ["02:00:00:00:07:02"],
    operatingSystem: "linux-pe",
  };
  // It speaks to the site: the media's credential, which everybody can read, does not take its place.
  await assert.rejects(enrol("pc-020000000702", pe, false), /E_MACHINE_ALIVE/);
  assert.equal(await policyOf(machine), "refresh");
  // Nor with the same name.
  await assert.rejects(enrol("lab-07", numbers, false), /E_MACHINE_ALIVE/);
  // A site that has just started has heard of nobody.
  await site.stop();
  await site.start();
  const again = await enrol("pc-020000000702", pe, false);
  assert.equal(again.id, machine.id);
  assert.equal(await policyOf(again), "refresh");
  const { json } = await api({ path: "/policy", token: machine.token });
  assert.equal(ErrorAnswer.parse(json).code, "E_NOT_ENROLLED");
  const same = (await devices()).filter(({ uuid }) => uuid === numbers.smbiosUuid);
  assert.deepEqual(
    same.map(({ facts, machineId }) => [facts?.name, machineId]),
    [["lab-07", machine.id]],
    "one device, of the name that it has",
  );
  const entries = await site.client.get<AuditEntry[]>("/audit?text=enrol%20again");
  const [entry] = entries;
  assert.deepEqual(
    [entry?.kind, entry?.who, entry?.target],
    ["machine", "pc-020000000702", `${machine.id} lab-07`],
  );
  // A credential that was handed out says that it is this machine; and back in a system of its own it has its own name.
  const back = await enrol("lab-07-new", { ...numbers, operatingSystem: "windows" });
  assert.equal(back.id, machine.id);
  const named = (await devices()).find(({ facts }) => facts?.name === "lab-07-new");
  assert.equal(named?.machineId, machine.id);

  // Boards that say the same UUID, an adapter that moved, and a second system on one computer are others.
  const others: Partial<MachineFacts>[] = [
    { smbiosUuid: numbers.smbiosUuid, macAddresses: ["02:00:00:00:07:09"], operatingSystem: "linux-pe" },
    { smbiosUuid: randomUUID(), macAddresses: ["02:00:00:00:07:01"], operatingSystem: "linux-pe" },
    { ...numbers, operatingSystem: "linux" },
  ];
  for (const [index, facts] of others.entries()) {
    assert.notEqual((await enrol(`other than lab-07, ${index}`, facts)).id, machine.id);
  }
  // Two have these numbers now: who of them comes cannot be told.
  assert.notEqual((await enrol("pc-020000000701", { ...pe })).id, machine.id);
});
