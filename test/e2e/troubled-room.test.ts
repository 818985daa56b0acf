/**
 * One machine of a room stops for a while, one has a slow disk, one lies about what it lacks, and one leaves for good:
 * the others, real processes all, end with the right disk, and so do the first two.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { EnrolAnswer } from "../../contract/machine.ts";
import { JoinAnswer } from "../../contract/deployment.ts";
import type { DeploymentRecord, ImageRecord, SessionRecord } from "../../contract/administration.ts";
import { mountFaultyDisk } from "../fixtures/faulty-disk.ts";
import { HttpsCaller } from "../fixtures/https.ts";
import { machineFacts } from "../fixtures/records.ts";
import { diskEquals, openRoom, waitFor, type RawImage, type Room } from "../fixtures/room.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const mebibytes = 64;
const rateMbps = 160;
/** So that the deployment holds its session back and no disk does, and there is a middle to stop in. */
const heldBackMbps = 32;
/** A tenth of it takes a minute for the image. */
const beforeSlowDiskMbps = 80;
const symbolsPerChunk = 2 ** 20 / 1408;
const symbolsPerBlock = 200;
let room: Room;
let site: SiteProcess;
let image: RawImage;
let record: ImageRecord;

before(async () => {
  room = await openRoom("troubled room");
  site = await room.startSite();
  image = await room.makeImage(mebibytes);
  record = await site.importImage(image.path, "lab");
});
after(() => room.close());

async function withDeployment(
  name: string,
  work: (deployment: DeploymentRecord) => Promise<void>,
  mbps = rateMbps,
): Promise<void> {
  const deployment = await site.createDeployment({ imageId: record.id, name, rateMbps: mbps });
  try {
    await work(deployment);
  } finally {
    await site.client.post(`/deployments/${deployment.id}/close`, {});
  }
}

async function startMachines(name: string, count: number): Promise<AgentProcess[]> {
  const machines: AgentProcess[] = [];
  for (let i = 1; i <= count; i += 1) {
    machines.push(
      await room.startAgent(site, { name: `${name} ${i}`, disk: await room.makeDisk(mebibytes) }),
    );
  }
  return machines;
}

async function endRight(machines: AgentProcess[]): Promise<void> {
  for (const machine of machines) {
    await machine.exits(0);
    await diskEquals(machine.disk, image);
  }
}

test(
  "a machine that stops for 30 s: the others end while it stands, and it ends right",
  { timeout: 180_000 },
  () =>
    withDeployment(
      "stops",
      async () => {
        const [stopping, ...others] = await startMachines("stops", 3);
        assert.ok(stopping);
        await site.waitForPart(stopping.name, 0.2);
        const isPolicy = async (): Promise<true | null> =>
          (await site.sessions()).some(({ limit }) => limit === "policy") || null;
        await waitFor(isPolicy, { what: "the session held back by the rate of its deployment" });
        stopping.signal("SIGSTOP");
        const continues = delay(30_000).then(() => stopping.signal("SIGCONT"));
        try {
          await endRight(others);
          assert.equal((await site.machine(stopping.name))?.outcome, null);
        } finally {
          await continues;
        }
        await endRight([stopping]);
      },
      heldBackMbps,
    ),
);

test(
  "a disk at a tenth of the rate: the others do not wait for it, and it ends right",
  { timeout: 180_000 },
  () =>
    withDeployment(
      "slow",
      async () => {
        const backing = await room.makeDisk(mebibytes);
        const disk = await mountFaultyDisk(backing, { bytesPerSecond: (beforeSlowDiskMbps / 8 / 10) * 1e6 });
        try {
          const slow = await room.startAgent(site, { name: "slow", disk: disk.path });
          await endRight(await startMachines("beside slow", 2));
          const { outcome, progress } = (await site.machine(slow.name)) ?? {};
          assert.equal(outcome, null);
          assert.equal(progress?.bottleneck, "disk");
          assert.ok(
            (progress.diskBytesPerSecond ?? Infinity) < (beforeSlowDiskMbps / 8 / 2) * 1e6,
            "and how slow it is",
          );
          await endRight([slow]);
        } finally {
          await disk.remove();
        }
      },
      beforeSlowDiskMbps,
    ),
);

test(
  "a member that asks for everything all the time is told as moved, and the others end right",
  { timeout: 120_000 },
  () =>
    withDeployment("lied to", async (deployment) => {
      const machines = await startMachines("lied to", 2);
      const movedLiar = async (): Promise<SessionRecord["moved"][number] | undefined> => {
        const liar = await site.machine("liar");
        const own = (await site.sessions()).filter(({ deploymentId }) => deploymentId === deployment.id);
        return own.flatMap(({ moved }) => moved).find(({ machineId }) => machineId === liar?.id);
      };
      await startLiar(deployment, async () => {
        const { reason, to } = await waitFor(movedLiar, { what: "the session that says who was moved" });
        assert.deepEqual({ reason, to }, { reason: "It lacked more than repair allows", to: "unicast" });
        await endRight(machines);
      });
      const log = readFileSync(join(site.folder, "site.log"), "utf8");
      assert.match(log, /session \d+: liar is moved to unicast: It lacked more than repair allows/);
    }),
);

/** Enrols and joins as any machine, then lies while `work` goes on. */
async function startLiar(deployment: DeploymentRecord, work: () => Promise<void>): Promise<void> {
  const authority = readFileSync(join(site.folder, "authority", "authority.pem"), "utf8");
  const caller = new HttpsCaller({ host: site.address, port: site.port, authority });
  const post = async (path: string, body: object, token?: string): Promise<unknown> =>
    (await caller.call({ method: "POST", path: `/api/v1${path}`, body, ...(token && { token }) })).json;
  const credential = await site.newCredential(1);
  const { machineId, machineKey } = EnrolAnswer.parse(
    await post("/enrol", { credential, machine: machineFacts("liar") }),
  );
  const joined = JoinAnswer.parse(
    await post(`/deployments/${deployment.id}/join`, { resume: false }, `${machineId}.${machineKey}`),
  );
  caller.close();
  const blocks = Math.ceil((record.contentBytes / 2 ** 20) * (symbolsPerChunk / symbolsPerBlock));
  const { receiver, session } = joined;
  const words = [
    site.address,
    joined.feedbackPort,
    session.number,
    session.stream,
    receiver.number,
    receiver.key,
  ];
  const liar = spawn(resolve("build/native/volley_liar"), { stdio: ["pipe", "inherit", "inherit"] });
  const ended = once(liar, "exit");
  try {
    liar.stdin.end(`${[...words, blocks, 60].join(" ")}\n`);
    await work();
    assert.equal(liar.exitCode, null, "the liar ended before the others");
  } finally {
    liar.kill();
    await ended;
  }
}
