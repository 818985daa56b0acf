/** What a computer is told that boots from the network: iPXE's scripts by HTTP, GRUB's configurations by TFTP. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { randomUUID } from "node:crypto";
import type { ImageRecord } from "../../contract/administration.ts";
import { limits } from "../../contract/limits.ts";
import type { EnrolAnswer } from "../../contract/machine.ts";
import type { DeviceRecord } from "../../contract/devices.ts";
import type { PxeClearAnswer, PxeStatus } from "../../contract/pxe.ts";
import { SiteClient } from "../../site/client.ts";
import { openStore } from "../../site/store/store.ts";
import { makeBootMedia } from "../fixtures/boot-media.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { fetchFrom, rangeOf, textFrom } from "../fixtures/pxe-lab.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

testOnNetwork(
  { title: "on a network of hosts: what machines that boot are told", hostCount: 2, file: import.meta.url },
  ({ hosts: [server, client] }) => {
    assert.ok(server && client);
    tests(server, client);
  },
);

interface Computer {
  uuid: string;
  mac: string;
}
let made = 0;
function newComputer(): Computer {
  made += 1;
  return { uuid: randomUUID(), mac: `52:54:00:01:00:${made.toString(16).padStart(2, "0")}` };
}

function tests(server: Host, client: Host): void {
  let room: Room;
  let site: SiteProcess;
  let image: ImageRecord;
  const base = `http://${server.address}:8480`;
  const path = ({ mac, uuid }: Computer): string => `${base}/boot/ipxe/${uuid}/${mac.replaceAll(":", "-")}`;
  const ask = (computer: Computer): string => textFrom(client, path(computer));
  const accept = (computer: Computer): string => textFrom(client, `${path(computer)}/accepted`);
  /** As GRUB does: again until the site has heard of the question. */
  const askByTftp = (name: string): Promise<string> =>
    waitFor(() => fetchFrom(client, `tftp://${server.address}/boot/${name}.cfg`)?.toString(), {
      what: `answer to GRUB's ${name}`,
      story: () => site.process.story(),
    });
  const change = (properties: object) => site.client.post("/pxe/properties", properties);
  const boots = /chain .*\/accepted/;
  const starts = /chain .*\/boot\.ipxe/;
  const isPrompt = /prompt --key 0x0a --timeout 7000/;

  /** More than a computer needs to ask again for an answer that it lost. */
  async function letTimePass(): Promise<void> {
    await site.stop();
    const store = await openStore(join(site.folder, "database"));
    const answered = new Date(Date.now() - limits.pxeAnswerGraceMs - 60_000).toISOString();
    await store.database.updateTable("pxe_answer").set({ answered }).execute();
    await store.close();
    await site.start();
  }

  async function enrol(computer: Computer): Promise<string> {
    return (await enrolled(computer)).machineId;
  }
  async function enrolled({ mac, uuid }: Computer): Promise<EnrolAnswer> {
    const facts = {
      name: `pc ${mac}`,
      smbiosUuid: uuid.toUpperCase(),
      serial: null,
      manufacturer: null,
      model: null,
      macAddresses: [mac],
      firmware: "bios",
      operatingSystem: "linux-pe",
      agentVersion: "1",
      memoryBytes: 1,
    };
    const wanted = { credential: await site.newCredential(), machine: facts };
    return await site.client.post<EnrolAnswer>("/enrol", wanted);
  }

  /** What a machine's agent says, with its key. */
  function clientOf({ machineId, machineKey }: EnrolAnswer): SiteClient {
    const authority = readFileSync(join(site.folder, "authority", "authority.pem"), "utf8");
    const place = { address: site.address, port: site.port, authority };
    return new SiteClient({ ...place, adminToken: `${machineId}.${machineKey}` });
  }

  before(async () => {
    room = await openRoom("pxe answers");
    const media = makeBootMedia(join(room.folder, "media"));
    const words = ["--pxe", "e0", "--pxe-media", media, ...rangeOf(server).words];
    site = await room.startSite({ address: server.address, words });
    image = await site.importImage((await room.makeImage(2)).path, "lab");
    await change({ promptSeconds: 7 });
  });
  after(() => room.close());

  test("iPXE is first told to say who it is", () => {
    assert.match(textFrom(client, `${base}/boot/ipxe`), /chain .*\/boot\/ipxe\/\$\{uuid\}\/\$\{netX\/mac/);
  });

  test("an unknown computer waits until it is approved, and is refused when a person says so", async () => {
    const [good, bad] = [newComputer(), newComputer()];
    for (const one of [good, bad, good]) {
      assert.match(ask(one), new RegExp(`waits until it is approved at the site: ${one.uuid}`));
      assert.match(accept(one), /waits until it is approved/);
    }
    const computers = await site.client.get<DeviceRecord[]>("/devices");
    assert.deepEqual(
      computers.map(({ mac, state, uuid }) => ({ mac, state, uuid })),
      [good, bad].map((one) => ({ ...one, state: "waiting" })),
    );
    const idOf = ({ uuid }: Computer): string => computers.find((one) => one.uuid === uuid)?.id ?? "";
    await site.client.post(`/devices/${idOf(good)}/state`, { state: "approved" });
    await site.client.post(`/devices/${idOf(bad)}/state`, { state: "refused" });
    assert.match(ask(good), boots);
    assert.match(accept(good), starts);
    assert.match(ask(bad), /was refused/);
    assert.doesNotMatch(accept(bad), starts);
    const status = await site.client.get<PxeStatus>("/pxe");
    assert.deepEqual(
      status.asked.map(({ answer, uuid }) => [uuid, answer]),
      [
        [bad.uuid, "local"],
        [good.uuid, "boot"],
      ],
    );
  });

  test("where unknown computers are answered they are asked first; without any number they are not held", async () => {
    assert.match(textFrom(client, `${base}/boot/ipxe/none/none`), /no number of its own/);
    await change({ unknown: "answer" });
    assert.match(ask(newComputer()), isPrompt);
    await change({ unknown: "ignore" });
    assert.match(ask(newComputer()), /does not know this computer/);
    await change({ unknown: "hold" });
  });

  test("a known machine boots only for a deployment; available ones are asked about", async () => {
    const computer = newComputer();
    const id = await enrol(computer);
    assert.match(ask(computer), /nothing is deployed/);
    const deployment = await site.createDeployment({ name: "$(rm) `x`", imageId: image.id, machines: [id] });
    const question = ask(computer);
    assert.match(question, isPrompt);
    assert.match(question, /deployment \?\(rm\) \?x\?/, "a name that is a command");
    for (let times = 0; times < 3; times += 1) assert.match(accept(computer), starts);
    // The UUID has the last word: a dock's address may move from one computer to another.
    assert.match(ask({ ...computer, mac: newComputer().mac }), isPrompt);
    assert.match(ask({ ...computer, uuid: "none" }), isPrompt);
    await change({ ignoredMacs: [computer.mac] });
    assert.match(ask({ ...computer, uuid: newComputer().uuid }), /waits until/);
    await change({ ignoredMacs: [] });
    await site.client.post(`/deployments/${deployment.id}/close`, {});
    assert.match(ask(computer), /nothing is deployed/);
  });

  test("a required deployment is answered once until it is cleared", async () => {
    const computer = newComputer();
    const answer = await enrolled(computer);
    const id = answer.machineId;
    const machine = clientOf(answer);
    const wish = { name: "must", imageId: image.id, machines: [id], purpose: "required" as const };
    await site.createDeployment(wish);
    assert.match(ask(computer), boots);
    assert.doesNotMatch(ask(computer), /prompt/);
    assert.match(accept(computer), starts);
    await letTimePass();
    // Anyone on the network can ask in this computer's name: only its agent has its key.
    assert.match(accept(computer), starts);
    await machine.get("/policy");
    assert.match(accept(computer), starts, "so soon it has lost the answer");
    await letTimePass();
    assert.match(ask(computer), /was answered before/);
    assert.doesNotMatch(accept(computer), starts);
    const { cleared } = await site.client.post<PxeClearAnswer>("/pxe/clear", { machines: [id] });
    assert.equal(cleared, 1);
    assert.match(ask(computer), boots);
    assert.match(accept(computer), starts);
    machine.close();
  });

  test("what was interrupted goes on without a question; after its restart it goes on from the disk", async () => {
    const computer = newComputer();
    const answer = await enrolled(computer);
    const { machineId } = answer;
    const wish = { name: "interrupted", imageId: image.id, machines: [machineId] };
    const deployment = await site.createDeployment(wish);
    assert.match(accept(computer), starts);
    const machine = clientOf(answer);
    const report = async (more: object): Promise<void> => {
      const common = { id: randomUUID(), deploymentId: deployment.id, time: new Date().toISOString() };
      await machine.post("/reports", { reports: [{ ...common, ...more }] });
    };
    await machine.get("/policy");
    assert.match(ask(computer), isPrompt);
    await report({ kind: "started", resume: false });
    assert.match(ask(computer), boots);
    assert.doesNotMatch(ask(computer), /prompt/);
    const step = { step: 3, group: "", action: "Restart", exitCode: 0, output: "" };
    await report({ kind: "step-status", status: { ...step, messageId: 11_142, messageName: "restart" } });
    assert.match(ask(computer), /goes on from the disk/);
    await report({ kind: "succeeded", outcome: null });
    assert.match(ask(computer), /nothing is deployed/);
    machine.close();
  });

  test("GRUB is told the same by TFTP, and asks anew each time", async () => {
    const computer = newComputer();
    const name = `${computer.uuid}_${computer.mac}`;
    const root = join(site.folder, "pxe", "tftp", "boot");
    assert.match(await askByTftp(name), /waits until it is approved/);
    await waitFor(() => readdirSync(root).length === 0, { what: "end of an answer that was sent" });
    await site.client.post("/devices", { name: "grub", uuid: computer.uuid });
    assert.match(await askByTftp(name), new RegExp(`configfile /boot/${name}_accepted.cfg`));
    assert.match(await askByTftp(`${name}_accepted`), /configfile \/grub\/media.cfg/);
    for (const strange of ["x", `${name}_other`, "..%2f..%2fdhcp", `${computer.uuid}_none/../x`]) {
      assert.equal(fetchFrom(client, `tftp://${server.address}/boot/${strange}.cfg`), null, strange);
    }
    await waitFor(() => readdirSync(root).length === 0, { what: "nothing that is left over" });
  });

  test("a password is asked for: iPXE proves it by digest, GRUB has its hash, and no answer shows it", async () => {
    const computer = newComputer();
    const name = `${computer.uuid}_${computer.mac}`;
    await site.client.post("/devices", { name: "locked", uuid: computer.uuid });
    const password = "correct#horse";
    await change({ password });
    assert.match(ask(computer), /login/);
    const url = `${path(computer)}/accepted`;
    assert.equal(fetchFrom(client, url), null);
    assert.equal(fetchFrom(client, url, "--digest", "--user", "volley:wrong#horse"), null);
    assert.equal(fetchFrom(client, url, "--basic", "--user", `volley:${password}`), null);
    assert.match(textFrom(client, url, "--digest", "--user", `volley:${password}`), starts);
    const configuration = await askByTftp(name);
    assert.match(configuration, /password_pbkdf2 volley grub\.pbkdf2\.sha512\.10000\./);
    assert.match(configuration, /menuentry "Start from the disk" --id local --unrestricted/);
    const kept = [await site.client.get("/pxe"), readFileSync(join(site.folder, "site.log"), "utf8")];
    assert.doesNotMatch(JSON.stringify(kept), /horse|pbkdf2/);
    assert.equal((await site.client.get<PxeStatus>("/pxe")).properties.password, true);
    for (let times = 0; times < limits.failedAttempts; times += 1) {
      fetchFrom(client, url, "--digest", "--user", "volley:wrong#horse");
    }
    assert.equal(
      fetchFrom(client, url, "--digest", "--user", `volley:${password}`),
      null,
      "guessing is slow",
    );
    await change({ password: null });
    assert.match(ask(computer), boots);
  });
}
