/**
 * Wake-on-LAN on a network of hosts: packets reach each network that the site has a card in, by name, by collection, and
 * when a deployment's time comes; and the site says who has no MAC and who was not seen since.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { AuditEntry } from "../../contract/accounts.ts";
import type { DeploymentRecord } from "../../contract/administration.ts";
import { EnrolAnswer } from "../../contract/machine.ts";
import type { CollectionRecord, DeploymentPreview, DeviceRecord } from "../../contract/devices.ts";
import { VolleyError, type ErrorCode } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { DeploymentWake, WakeAnswer } from "../../contract/wake.ts";
import type { Host, Network } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { Program } from "../fixtures/program.ts";
import { machineFacts } from "../fixtures/records.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const volley = fileURLToPath(new URL("../../site/main.js", import.meta.url));
const listener = fileURLToPath(new URL("../fixtures/wake-listener.js", import.meta.url));
const everyone = "255.255.255.255";
const macs = { one: "02:00:00:00:00:01", two: "02:00:00:00:00:02" };

const hostCount = 3;
testOnNetwork({ title: "waking computers on a network of hosts", hostCount, file: import.meta.url }, tests);

/** A second network, of the site and the third host, which leaves the first. Answers its broadcast address. */
function joinDirectly({ prefix }: Host): string {
  const space = prefix.at(-1) ?? "";
  const ip = (...words: string[]) => execFileSync("ip", words, { stdio: ["ignore", "ignore", "inherit"] });
  ip("link", "add", "e1", "type", "veth", "peer", "name", "e1", "netns", space);
  ip("addr", "add", "172.31.9.1/26", "dev", "e1");
  ip("link", "set", "e1", "up");
  ip("-n", space, "link", "set", "e0", "down");
  ip("-n", space, "addr", "add", "172.31.9.2/26", "dev", "e1");
  ip("-n", space, "link", "set", "e1", "up");
  return "172.31.9.63";
}

/** What a host in the room hears: how often each address was woken, by where the packet was sent to. */
class Ear {
  readonly #program: Program;
  #from = 0;

  constructor({ prefix }: Host, addresses: readonly string[]) {
    this.#program = new Program("listener", [...prefix, process.execPath, listener, ...addresses]);
  }

  get #lines(): string[] {
    return this.#program.output.split("\n").slice(0, -1);
  }
  async ready(): Promise<void> {
    await waitFor(() => (this.#lines.includes("ready") ? true : null), {
      what: "listener",
      story: () => this.#program.story(),
    });
    this.forget();
  }
  forget(): void {
    this.#from = this.#lines.length;
  }
  heard(address: string, mac: string): number {
    const packet = "ff".repeat(6) + mac.replaceAll(":", "").repeat(16);
    return this.#lines.slice(this.#from).filter((line) => line === `${address} ${packet}`).length;
  }
  get total(): number {
    return this.#lines.length - this.#from;
  }
  get program(): Program {
    return this.#program;
  }
}

function tests({ hosts }: Network): void {
  const [own, neighbour, other] = hosts;
  assert.ok(own && neighbour && other);
  let room: Room;
  let site: SiteProcess;
  let devices: Record<"one" | "two" | "nameless", DeviceRecord>;
  /** Each with its broadcast address. */
  let ears: { ear: Ear; subnet: string }[] = [];

  before(async () => {
    room = await openRoom("wake");
    const subnet = own.address.replace(/\d+$/, "255");
    const otherSubnet = joinDirectly(other);
    ears = [
      { ear: new Ear(neighbour, [everyone, subnet]), subnet },
      { ear: new Ear(other, [everyone, otherSubnet]), subnet: otherSubnet },
    ];
    site = await room.startSite({ address: own.address });
    for (const { ear } of ears) await ear.ready();
    const add = (name: string, numbers: object) =>
      site.client.post<DeviceRecord>("/devices", { name, ...numbers });
    devices = {
      one: await add("pc1", { mac: macs.one }),
      two: await add("pc2", { mac: macs.two }),
      nameless: await add("pc3", { uuid: randomUUID() }),
    };
  });
  after(async () => {
    await Promise.all(ears.map(({ ear }) => ear.program.kill()));
    await room.close();
  });

  async function command(...words: string[]): Promise<Program> {
    const line = [process.execPath, volley, ...words, "--data", site.folder];
    const program = new Program(`volley ${words.join(" ")}`, line);
    await program.ended;
    return program;
  }

  /** Each packet to both addresses of each network as often as it is sent, and nothing else. */
  async function hear(...woken: string[]): Promise<void> {
    for (const { ear, subnet } of ears) {
      const expected = woken.length * 2 * limits.wakeRounds;
      await waitFor(() => (ear.total >= expected ? true : null), {
        what: `${expected} packets in ${subnet}`,
        story: () => ear.program.story(),
      });
      for (const mac of woken) {
        for (const address of [everyone, subnet]) {
          assert.equal(ear.heard(address, mac), limits.wakeRounds, ear.program.story());
        }
      }
      assert.equal(ear.total, expected);
      ear.forget();
    }
  }

  async function refused(path: string, body: object, code: ErrorCode): Promise<void> {
    await assert.rejects(site.client.post(path, body), (error) => {
      assert.ok(error instanceof VolleyError);
      assert.equal(error.code, code, String(error));
      return true;
    });
  }

  const lastEntry = async (text: string): Promise<AuditEntry | undefined> =>
    (await site.client.get<AuditEntry[]>(`/audit?text=${encodeURIComponent(text)}`))[0];

  test("computers are woken by name in every network that the site has a card in", async () => {
    const told = await command("machine", "wake", "pc1", macs.two, "pc3");
    assert.match(told.output, /^2 devices are woken, by e0, e1\.\nNo MAC is known of pc3\.\n$/, told.story());
    await hear(macs.one, macs.two);
    const entry = await lastEntry("/devices/wake");
    assert.equal(entry?.outcome, "done");
    assert.ok(entry.target.includes(devices.one.id) && entry.target.includes(devices.two.id), entry.target);
  });

  test("a collection is woken, and what cannot be is refused", async () => {
    const wanted = { name: "lab", devices: [devices.one.id, devices.nameless.id] };
    const { id } = await site.client.post<CollectionRecord>("/collections", wanted);
    const answer = JSON.parse((await command("collection", "wake", "lab", "--json")).output) as WakeAnswer;
    const withoutMac = [{ id: devices.nameless.id, name: "pc3" }];
    assert.deepEqual(answer, { woken: 1, withoutMac, interfaces: ["e0", "e1"] });
    await hear(macs.one);
    assert.equal((await lastEntry("/wake"))?.target, id);

    await refused("/devices/wake", { devices: [devices.nameless.id] }, "E_NO_MAC");
    assert.equal((await lastEntry("/devices/wake"))?.outcome, "E_NO_MAC");
    await refused("/devices/wake", { devices: [randomUUID()] }, "E_NOT_FOUND");
    await refused("/devices/wake", { devices: [] }, "E_REQUEST_INVALID");
    await refused(`/collections/${randomUUID()}/wake`, {}, "E_NOT_FOUND");
    const [unknown, nobody] = await Promise.all([
      command("device", "wake", "pc1", "pc9"),
      command("device", "wake"),
    ]);
    assert.match(unknown.errorOutput, /E_NOT_FOUND.*pc9/, unknown.story());
    assert.match(nobody.errorOutput, /E_USAGE/, nobody.story());
    for (const { ear } of ears) assert.equal(ear.total, 0, ear.program.story());
  });

  test("a deployment wakes its machines when its time comes, and says who was not seen since", async () => {
    const image = await site.importImage((await room.makeImage(4)).path, "lab");
    const collection = await site.client.get<CollectionRecord[]>("/collections");
    const collectionId = collection[0]?.id ?? "";
    const starts = new Date(Date.now() + 3000).toISOString();
    const wish = { name: "evening", imageId: image.id, collectionId, wake: true, starts };
    const preview = await site.client.post<DeploymentPreview>("/deployments/preview", wish);
    assert.ok(preview.effects.includes("When it begins they are switched on; of 1 of 2 a MAC is known."));
    const { id } = await site.createDeployment(wish);
    const told = await waitFor(
      async () => {
        const answer = await site.client.get<DeploymentWake>(`/deployments/${id}/wake`);
        return answer.woken === null ? null : answer;
      },
      { what: "the deployment's time", story: () => site.process.story() },
    );
    assert.ok((told.woken ?? "") >= starts, `${told.woken} is before ${starts}`);
    await hear(macs.one);
    const unseen = (device: DeviceRecord, hasMac: boolean) => ({
      id: device.id,
      name: device.name,
      hasMac,
      lastSeen: null,
    });
    assert.deepEqual(told.unseen, [unseen(devices.one, true), unseen(devices.nameless, false)]);
    const entry = await lastEntry("evening: 1 of 2");
    assert.deepEqual([entry?.kind, entry?.action, entry?.outcome], ["site", "wake", "done"]);

    const facts = { ...machineFacts("pc1"), macAddresses: [macs.one] };
    const enrolment = { credential: await site.newCredential(), machine: facts };
    EnrolAnswer.parse(await site.client.post("/enrol", enrolment));
    const later = await site.client.get<DeploymentWake>(`/deployments/${id}/wake`);
    assert.deepEqual(later.unseen, [unseen(devices.nameless, false)]);
    const shown = await command("deployment", "unseen", "evening");
    assert.match(
      shown.output,
      /Not seen since: 1 of 2\.\n[^\n]*\npc3 +no MAC is known +never/,
      shown.story(),
    );
  });

  test("a deployment without a time wakes its machines at once, and only once", async () => {
    const [image] = await site.client.get<{ name: string }[]>("/images");
    assert.ok(image);
    const words = ["deployment", "create", "now", "--image", image.name, "--collection", "lab", "--wake"];
    const made = await command(...words, "--json");
    const { id } = JSON.parse(made.output) as DeploymentRecord;
    await waitFor(async () => (await site.client.get<DeploymentRecord>(`/deployments/${id}`)).woken ?? null, {
      what: "the deployment's wake",
      story: () => site.process.story(),
    });
    await hear(macs.one);
    await delay(limits.wakeLookMs * 1.5);
    await site.client.post<WakeAnswer>("/devices/wake", { devices: [devices.two.id] });
    await hear(macs.two);
  });
}
