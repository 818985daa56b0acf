/** What must end a deployment: by name, with what to do about it, and without anybody else noticing. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, open, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ImageRecord, MachineRecord } from "../../contract/administration.ts";
import { errors, type ErrorCode } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import { mountFaultyDisk, type Faults } from "../fixtures/faulty-disk.ts";
import { random } from "../fixtures/random.ts";
import { diskEquals, diskUntouched, openRoom, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const mebibytes = 40;
let room: Room;
let site: SiteProcess;
let image: RawImage;
let record: ImageRecord;
let healthy = 0;
before(async () => {
  room = await openRoom("deploy faults");
  site = await room.startSite();
  image = await room.makeImage(mebibytes);
  record = await site.importImage(image.path, "lab");
});
after(() => room.close());

async function withDeployment(imageId: string, name: string, work: () => Promise<void>): Promise<void> {
  const deployment = await site.createDeployment({ imageId, name, rateMbps: 200 });
  try {
    await work();
  } finally {
    await site.client.post(`/deployments/${deployment.id}/close`, {});
  }
}

/** The agent ends with this error, three lines of it and no stack; the site knows. */
async function failed(agent: AgentProcess, code: ErrorCode): Promise<NonNullable<MachineRecord["error"]>> {
  await agent.exits(errors[code].exitCode);
  const said = agent.errorOutput.trimEnd().split("\n");
  assert.equal(said.length, 3, agent.process.story());
  assert.ok(said[0]?.startsWith(`${code}: `), agent.process.story());
  assert.equal(said[2]?.trim(), errors[code].remedy);
  const machine = await site.machine(agent.name);
  assert.equal(machine?.state, "failed");
  assert.ok(machine.error);
  assert.equal(machine.error.code, code);
  assert.equal(machine.error.remedy, errors[code].remedy);
  return machine.error;
}

/** The first chunk of the image, from this one on, that is a hole, or is none. */
async function findChunk(from: number, hole: boolean): Promise<number> {
  const handle = await open(image.path, "r");
  const bytes = Buffer.alloc(limits.chunkBytes);
  try {
    for (let chunk = from; chunk < mebibytes; chunk += 1) {
      await handle.read(bytes, 0, bytes.length, chunk * limits.chunkBytes);
      if (bytes.every((byte) => byte === 0) === hole) return chunk;
    }
    throw new Error("The image has no such chunk");
  } finally {
    await handle.close();
  }
}

const faulty: { name: string; fault: keyof Faults; code: ErrorCode; hole?: boolean }[] = [
  { name: "fails a write", fault: "failWrite", code: "E_DEVICE_WRITE" },
  { name: "is full", fault: "fullAt", code: "E_DEVICE_FULL" },
  { name: "returns other bytes", fault: "lieAt", code: "E_DEVICE_MISMATCH" },
  { name: "fails a read", fault: "failRead", code: "E_DEVICE_READ" },
  { name: "fails a read where zeros belong", fault: "failRead", code: "E_DEVICE_READ", hole: true },
];
for (const { code, fault, hole = false, name } of faulty) {
  test(`a disk that ${name}: that machine fails with chunk, offset, device and remedy; its neighbour does not notice`, async () => {
    const backing = await room.makeDisk(mebibytes);
    const chunk = await findChunk(5, hole);
    const disk = await mountFaultyDisk(backing, { [fault]: chunk * limits.chunkBytes + 12_305 });
    try {
      await withDeployment(record.id, name, async () => {
        const sick = await room.startAgent(site, { name: `sick ${healthy}`, disk: disk.path });
        const well = await room.startAgent(site, {
          name: `well ${(healthy += 1)}`,
          disk: await room.makeDisk(mebibytes),
        });
        const { detail } = await failed(sick, code);
        assert.ok(detail.includes(disk.path), detail);
        assert.match(detail, /at byte \d+/);
        assert.ok(detail.includes(`(chunk ${chunk})`), detail);
        await well.exits(0);
        await diskEquals(well.disk, image);
      });
    } finally {
      await disk.remove();
    }
  });
}

test(
  "a disk on a full file system: named, with what to do",
  { skip: process.getuid?.() !== 0 && "needs root" },
  async () => {
    const place = join(room.folder, "small");
    await mkdir(place);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", place]);
    try {
      const disk = join(place, "disk.raw");
      await writeFile(disk, "");
      await truncate(disk, mebibytes << 20);
      await withDeployment(record.id, "small", async () => {
        const { detail } = await failed(
          await room.startAgent(site, { name: "small", disk }),
          "E_DEVICE_FULL",
        );
        assert.ok(detail.includes(disk), detail);
      });
    } finally {
      execFileSync("umount", [place]);
    }
  },
);

test("a read-only disk is refused before anything is written", () =>
  withDeployment(record.id, "read-only", async () => {
    const disk = await room.makeDisk(mebibytes);
    await chmod(disk, 0o444);
    const { detail } = await failed(
      await room.startAgent(site, { name: "read-only", disk }),
      "E_DISK_REFUSED",
    );
    assert.match(detail, /is read-only/);
    await diskUntouched(room, disk, mebibytes);
  }));

test("a disk that is one MiB too small is refused before anything is written", () =>
  withDeployment(record.id, "small disk", async () => {
    const disk = await room.makeDisk(mebibytes - 1);
    await failed(await room.startAgent(site, { name: "too small", disk }), "E_DEVICE_TOO_SMALL");
    await diskUntouched(room, disk, mebibytes - 1);
  }));

/** An image of its own, of which one byte of a file is changed in the library behind the site's back. */
async function damagedImage(name: string, file: "manifest" | "content", from = 0): Promise<ImageRecord> {
  const raw = await room.makeImage(mebibytes);
  const damaged = await site.importImage(raw.path, name);
  const path = join(site.imageFolder(damaged), file);
  const { size } = await stat(path);
  const offset = from + Math.floor(random(room.seed)() * (size - from));
  await chmod(path, 0o600);
  const handle = await open(path, "r+");
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, offset);
  byte.writeUInt8(byte.readUInt8(0) ^ 0x40);
  await handle.write(byte, 0, 1, offset);
  await handle.sync();
  await handle.close();
  return damaged;
}

test("one changed byte in a manifest: refused, and the disk is untouched", async () => {
  // Behind the fixed fields, which the site itself reads before it hands a manifest out.
  const damaged = await damagedImage("changed manifest", "manifest", 96);
  await withDeployment(damaged.id, "manifest", async () => {
    const disk = await room.makeDisk(mebibytes);
    const agent = await room.startAgent(site, { name: "manifest", disk });
    await agent.ended;
    assert.match(agent.errorOutput, /^E_(MANIFEST_SIGNATURE|MANIFEST_INVALID|CONTENT_CORRUPT): /);
    await diskUntouched(room, disk, mebibytes);
  });
});

test("one changed byte in a stored chunk: a clear error, the disk untouched", async () => {
  const damaged = await damagedImage("changed content", "content");
  await withDeployment(damaged.id, "content", async () => {
    const disk = await room.makeDisk(mebibytes);
    const agent = await room.startAgent(site, { name: "content", disk });
    await agent.ended;
    assert.match(agent.errorOutput, /^E_CONTENT_CORRUPT: .*chunk \d+/, agent.process.story());
    await diskUntouched(room, disk, mebibytes);
  });
});
