/** A machine that lost its key comes back, in a PE that calls it something else: it is the one that it was, and no other is. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { AuditEntry } from "../../contract/accounts.ts";
import type { CredentialAnswer, ImageRecord } from "../../contract/administration.ts";
import { ErrorAnswer } from "../../contract/common.ts";
import { Policy } from "../../contract/deployment.ts";
import type { DeviceRecord } from "../../contract/devices.ts";
import { EnrolAnswer, type MachineFacts } from "../../contract/machine.ts";
import { HttpsCaller, type Answer, type Call } from "../fixtures/https.ts";
import { machineFacts } from "../fixtures/records.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

let room: Room;
let site: SiteProcess;
let caller: HttpsCaller;
let image: ImageRecord;
before(async () => {
  room = await openRoom("machine returns");
  site = await room.startSite();
  const authority = readFileSync(join(site.folder, "authority", "authority.pem"), "utf8");
  caller = new HttpsCaller({ host: site.address, port: site.port, authority });
  image = await site.importImage((await room.makeImage(4)).path, "lab");
});
after(async () => {
  caller.close();
  await room.close();
});

const api = (call: Call): Promise<Answer> => caller.call({ ...call, path: `/api/v1${call.path}` });
const devices = () => site.client.get<DeviceRecord[]>("/devices");

interface Enrolled {
  id: string;
  token: string;
}
async function enrol(name: string, more: Partial<MachineFacts> = {}, approves = true): Promise<Enrolled> {
  const wish = { uses: 1, validHours: 1, approves };
  const { credential } = await site.client.post<CredentialAnswer>("/credentials", wish);
  const body = { credential, machine: { ...machineFacts(name), ...more } };
  const answer = await api({ method: "POST", path: "/enrol", body });
  const { machineId, machineKey } = EnrolAnswer.parse(answer.json, { error: () => answer.text });
  return { id: machineId, token: `${machineId}.${machineKey}` };
}
const policyOf = async ({ token }: Enrolled): Promise<string | null> =>
  Policy.parse((await api({ path: "/policy", token })).json).deployment?.name ?? null;

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
