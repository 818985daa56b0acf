/** The signed report of each run of a task sequence that applies images: what went where, and what outlives its deployment. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ImageRecord, MachineRecord } from "../../contract/administration.ts";
import { DeploymentReport, type KeptReport, type SignedReport } from "../../contract/deployment-report.ts";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import { loopDisk, type LoopDisk } from "../fixtures/loop-disk.ts";
import { memoryRoot } from "../fixtures/memory-root.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import { commandStep, partitions, sequenceText, step, variable } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley as runVolley } from "../fixtures/volley-command.ts";
import { writeWim } from "../fixtures/windows-image.ts";

let room: Room;
let site: SiteProcess;
let image: ImageRecord;
before(async () => {
  room = await openRoom("run reports");
  site = await room.startSite();
  const { path } = await room.makeImage(24);
  image = await site.importImage(path, "data");
  await volley("package", "image", "data", "--id", "VOL00001");
  const files = join(room.folder, "files");
  mkdirSync(files);
  writeFileSync(join(files, "letter"), "from the WIM");
  const wim = join(room.folder, "files.wim");
  writeWim(wim, [files]);
  await volley("package", "add", wim, "--id", "WIM00001");
});
after(() => room.close());

const volley = (...words: string[]): Promise<string> => runVolley(site, ...words);

async function reportOf(...words: string[]): Promise<DeploymentReport> {
  const signed = JSON.parse(await volley("report", "pc-1", ...words, "--verify", "--json")) as SignedReport;
  return DeploymentReport.parse(JSON.parse(signed.report));
}
const keptRuns = async (...words: string[]): Promise<KeptReport[]> =>
  JSON.parse(await volley("reports", ...words, "--json")) as KeptReport[];

const apply = (packageId: string, place: string): string =>
  step(
    "ApplyDataImage",
    `Apply ${packageId}`,
    variable("ImagePackageID", packageId) + variable("DestinationVariable", place),
  );

/** A block image and a WIM, then a step that waits for one file and fails without another. */
async function deploySequence(name: string): Promise<void> {
  const sizes = [
    ["24", "MB", "First"],
    ["100", "PERCENT", "Second"],
  ] as const;
  const gate = `while test -e ${room.folder}/held; do sleep 0.1; done; test -e ${room.folder}/open`;
  const text = sequenceText(
    step("PartitionDisk", "Partition", partitions(...sizes)),
    apply("VOL00001", "First"),
    apply("WIM00001", "Second"),
    commandStep("Gate", gate),
  );
  const file = join(room.folder, `${name}.xml`);
  writeFileSync(file, text);
  await volley("sequence", "add", file, "--name", name);
  await volley("deployment", "create", name, "--sequence", name);
}

function inPe(disk: LoopDisk): Promise<AgentProcess> {
  const { environment, prefix } = memoryRoot(join(room.folder, "pe"), { uefi: true });
  return room.startAgent(site, { name: "pc-1", disk: disk.path, prefix, environment });
}

/** Both images are there, on that disk. */
function assertImages({ images }: DeploymentReport, disk: LoopDisk): void {
  const [block, files] = images;
  assert.ok(block && files && images.length === 2, JSON.stringify(images));
  assert.equal(block.kind, "volume");
  assert.equal(block.packageId, "VOL00001");
  assert.equal(block.root, image.root);
  assert.equal(block.device, `${disk.path}p1`);
  assert.equal(block.outcome?.root, image.root);
  assert.equal(block.outcome.chunksVerified, image.chunks);
  assert.equal(block.chunks, image.chunks);
  assert.equal(files.kind, "files");
  assert.equal(files.index, 1);
  assert.match(files.packageHash ?? "", /^[0-9a-f]{64}$/);
  assert.equal(files.device, `${disk.path}p2`);
  for (const { applied, disk: shown } of images) {
    assert.ok(applied !== null);
    assert.equal(shown?.device, disk.path);
    assert.equal(shown.sizeBytes, disk.facts.sizeBytes);
  }
}

const once = ({ steps }: DeploymentReport, action: string): number =>
  steps.filter((one) => one.action === action && one.messageId === 11_134).length;

test("a run that fails, its second try, and once more: each has a report of its own, which outlives the deployment", async (t) => {
  const disk = loopDisk(t, { megabytes: 120 });
  await deploySequence("twice");
  const agent = await inPe(disk);
  await agent.exits(1, 120_000);
  const failed = await reportOf();
  assert.equal(failed.state, "failed");
  assert.equal(failed.error?.code, "E_SEQUENCE_FAILED");
  assert.equal(failed.sequence?.name, "twice");
  assert.equal(failed.deployment.createdBy, "local");
  assertImages(failed, disk);

  writeFileSync(join(room.folder, "open"), "");
  await room.restartAgent(agent).exits(0, 120_000);
  const second = await reportOf();
  assert.equal(second.state, "succeeded");
  assert.equal(second.error, null);
  assert.equal(once(second, "Partition"), 1);
  assertImages(second, disk);
  assert.ok(second.started !== null && failed.ended !== null && second.started >= failed.ended);

  await volley("deployment", "clear", "twice", "--confirm", "all machines");
  assert.deepEqual(await reportOf(), second, "what was cleared is kept as it was signed");
  writeFileSync(join(room.folder, "held"), "");
  const third = room.restartAgent(agent);
  const atGate = async (): Promise<boolean> => (await site.machine("pc-1"))?.step?.name === "Gate";
  await waitFor(atGate, { what: "the last step", timeMs: 120_000, story: () => third.process.story() });
  const goesOn = await waitFor(
    async () => {
      const report = await reportOf();
      return report.state === "working" && once(report, "Apply WIM00001") === 1 ? report : null;
    },
    { what: "the report of what goes on", timeMs: 120_000 },
  );
  assert.equal(goesOn.ended, null);
  assertImages(goesOn, disk);
  const { deploymentId } = (await site.machine("pc-1")) as MachineRecord;
  await third.kill();
  await volley("deployment", "remove", "twice");
  const runs = await keptRuns("--machine", "pc-1");
  const told = runs.map(({ deployment, state }) => `${deployment} ${state}`);
  assert.deepEqual(told, ["twice succeeded", "twice failed"]);
  assert.deepEqual(await reportOf("--run", runs[1]?.id ?? ""), failed);
  assert.deepEqual(await reportOf("--run", runs[0]?.id ?? ""), second);
  const query = `deploymentId=${deploymentId}`;
  assert.deepEqual(await site.client.get<KeptReport[]>(`/deployment-reports?${query}`), runs);
  assert.match(await volley("report", "pc-1", "--run", runs[0]?.id ?? ""), /chunks verified/);
  const none = "a54f5b0e-7d3b-4d6a-9d0c-0a7bd0a0c1aa";
  await assert.rejects(volley("report", "pc-1", "--run", none), /E_NOT_FOUND/);
});
