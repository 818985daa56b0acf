/**
 * Packages of drivers by multicast, in the Linux PE: two machines that apply a Windows share a session for the package that a
 * step names, and one for the package that their device needs. What no device needs does not travel.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import type { SessionRecord } from "../../contract/administration.ts";
import { errors } from "../../contract/errors.ts";
import type { PackageRecord } from "../../contract/sequence.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import { partitionOf, readFromNtfs } from "../fixtures/disk-image.ts";
import { inf } from "../fixtures/inf-text.ts";
import { loopDisk, type LoopDisk } from "../fixtures/loop-disk.ts";
import type { Host } from "../fixtures/network.ts";
import { testOnNetwork } from "../fixtures/network-test.ts";
import { linuxPe } from "../fixtures/pe.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import { commandStep, partitions, sequenceText, step, variable } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley as runVolley, volleyJson } from "../fixtures/volley-command.ts";
import { writeWim, writeWindows } from "../fixtures/windows-image.ts";

const driverBytes = 700_333;
const names = ["pc-1", "pc-2"];

testOnNetwork(
  { title: "drivers for a room of Linux PEs", hostCount: 3, file: import.meta.url },
  ({ hosts: [server, ...machines] }) => {
    assert.ok(server);
    tests(server, machines);
  },
);

function tests(server: Host, machines: readonly Host[]): void {
  let room: Room;
  let site: SiteProcess;
  /** What this computer has instead of its own PCI bus: one network card. */
  let bus: string;
  before(async () => {
    room = await openRoom("driver multicast");
    site = await room.startSite({ address: server.address });
    const windows = join(room.folder, "windows");
    writeWindows(windows);
    const wim = join(room.folder, "windows.wim");
    writeWim(wim, [windows]);
    await volley("package", "add", wim, "--id", "WIM00001");
    bus = join(room.folder, "pci");
    const facts = { vendor: "0x8086", device: "0x15b8", class: "0x020000", revision: "0x31" };
    for (const [name, value] of Object.entries(facts)) write(join(bus, "devices/0000:00:1f.6", name), value);
  });
  after(() => room.close());

  const volley = (...words: string[]): Promise<string> => runVolley(site, ...words);

  function write(path: string, content: string | Buffer): void {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  /** A driver for a device, with a file that does not compress. Answers that file. */
  async function addDrivers(packageId: string, hardwareIds: string, ...words: string[]): Promise<Buffer> {
    const folder = join(room.folder, packageId);
    const driver = randomBytes(driverBytes);
    write(join(folder, "net.inf"), inf({ hardwareIds }));
    write(join(folder, "net.cat"), "catalog");
    write(join(folder, "net.sys"), driver);
    await volley("package", "add", folder, "--id", packageId, ...words);
    return driver;
  }

  /** As content that is cast. */
  const castable = (packageId: string): Promise<PackageRecord> =>
    waitFor(
      async () => {
        const found = await site.client.get<PackageRecord>(`/packages/${packageId}`);
        return found.imageId === null ? null : found;
      },
      { what: `package ${packageId} as content` },
    );

  const sessionsOf = async (packageId: string): Promise<SessionRecord[]> =>
    (await site.sessions()).filter(({ imageName }) => imageName.startsWith(`Package ${packageId} `));

  async function deploy(name: string, ...steps: string[]): Promise<void> {
    const file = join(room.folder, `${name}.xml`);
    const windows = variable("ImagePackageID", "WIM00001") + variable("DestinationVariable", "OSDisk");
    // The first of them is the firmware's.
    const sizes = partitions(["64", "MB", ""], ["100", "PERCENT", "OSDisk"]);
    const begin = [
      step("PartitionDisk", "Partition", sizes.replace("PRIMARY", "EFI").replace("NTFS", "FAT32")),
      step("ApplyOperatingSystem", "Windows", windows),
    ];
    writeFileSync(file, sequenceText(...begin, ...steps));
    await volley("sequence", "add", file, "--name", name);
    await volley("deployment", "create", name, "--sequence", name);
  }

  /** Each on a host of its own: by the address of its card the site tells who a computer in a PE is. */
  function inPe(name: string, host: Host | undefined, disk: LoopDisk): Promise<AgentProcess> {
    const folder = join(room.folder, `pe-${name}`);
    mkdirSync(folder);
    const ownBus = ["sh", "-c", 'mount --bind "$0" /sys/bus/pci && exec "$@"', bus];
    const prefix = [...(host ?? assert.fail()).prefix, ...linuxPe(folder, "uefi"), ...ownBus];
    return room.startAgent(site, { name, disk: disk.path, prefix });
  }

  const named = (packageId: string): string =>
    step("ApplyDriverPackage", "Named", variable("DriverPackageID", packageId));

  test("Apply Driver Package and Auto Apply Drivers get their packages by multicast, one session each for the room", async (t) => {
    const disks = names.map(() => loopDisk(t, { megabytes: 400 }));
    const card = "PCI\\VEN_8086&DEV_15B8";
    const other = "PCI\\VEN_FFFE&DEV_FFFE";
    const only = ["--multicast", "only"];
    const drivers = {
      DRV00001: await addDrivers("DRV00001", other, ...only),
      NET00001: await addDrivers("NET00001", card, "--drivers", "Net", ...only),
    };
    await addDrivers("VID00001", other, "--drivers", "Display", ...only);
    const contents = await Promise.all(Object.keys(drivers).map(castable));
    await waitFor(
      async () => (await volleyJson<unknown[]>(site, "package", "drivers")).length === 2 || null,
      {
        what: "the catalogue of drivers",
      },
    );
    const at = join(room.folder, "at");
    mkdirSync(at);
    // So that both are in a session, however long one of them took to get here.
    const wait = `mktemp -q ${at}/XXXXXX; until test $(ls ${at} | wc -l) -ge ${names.length}; do sleep 0.1; done`;
    const together = commandStep("Together", `sh -c '${wait}'`);
    await deploy("drivers", together, named("DRV00001"), step("AutoApply", "Automatic", ""));
    const agents = await Promise.all(
      names.map((name, index) => inPe(name, machines[index], disks[index] ?? assert.fail())),
    );
    for (const agent of agents) await agent.exits(0, 240_000);
    for (const [index, { log }] of agents.entries()) {
      const volume = partitionOf(disks[index]?.path ?? "", 2).node;
      for (const [place, driver] of Object.values(drivers).entries()) {
        const staged = `_SMSTaskSequence/Drivers/00${place + 1}/net.sys`;
        assert.ok(readFromNtfs(volume, staged).equals(driver), `${staged} of ${names[index]}`);
      }
      const answers = readFromNtfs(volume, "Windows/Panther/Unattend/Unattend.xml").toString("utf8");
      assert.match(answers, /pnputil\.exe \/add-driver/);
      assert.match(log, /Package DRV00001 [0-9a-f]{8}" is here and verified/);
      assert.match(log, /PCI device VEN_8086&DEV_15B8 .*NET00001-.*net\.inf, rank 0x/);
    }
    for (const { bytes, packageId } of contents) {
      const session = await waitFor(
        async () =>
          (await sessionsOf(packageId)).find(({ multicastBytes }) => multicastBytes >= bytes) ?? null,
        { what: `the session of ${packageId}` },
      );
      assert.equal((await sessionsOf(packageId)).length, 1);
      assert.equal(session.machines, 2);
      assert.equal(session.unicastBytes, 0);
    }
    assert.deepEqual(await sessionsOf("VID00001"), [], "no device needs it");
    await volley("deployment", "close", "drivers");
  });

  test("without multicast the step fails for a package that comes by multicast only, and says so", async (t) => {
    const disk = loopDisk(t, { megabytes: 400 });
    await deploy("drivers again", named("DRV00001"));
    await site.client.post("/distribution-point", { multicast: false });
    const agent = await inPe("pc-3", machines[0], disk);
    await agent.exits(errors.E_SEQUENCE_FAILED.exitCode, 240_000);
    assert.match(agent.log, /Package DRV00001 .*E_NO_MULTICAST|E_NO_MULTICAST.*DRV00001/);
    const volume = partitionOf(disk.path, 2).node;
    assert.ok(readFromNtfs(volume, "Windows/System32/ntoskrnl.exe").length > 0);
    assert.throws(() => readFromNtfs(volume, "_SMSTaskSequence/Drivers/001/net.sys"));
    await site.client.post("/distribution-point", { multicast: true });
  });
}
