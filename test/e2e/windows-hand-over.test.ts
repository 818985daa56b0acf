/**
 * The hand-over to an applied Windows, with the real executable on Wine: the site's copy of it, this machine's key, and
 * the script that the task scheduler starts.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { agentFiles } from "../../agent/deploying/agent-files.ts";
import type { Performer } from "../../agent/deploying/performer.ts";
import { siteContent } from "../../agent/deploying/site-content.ts";
import { DeploymentSite } from "../../agent/site/deployment-site.ts";
import { Enrolment, SiteClient } from "../../agent/site/site-client.ts";
import { openTransport } from "../../agent/site/transport.ts";
import { openStateFolder } from "../../agent/state-folder.ts";
import { errors } from "../../contract/errors.ts";
import type { PackageRecord, SequenceRecord } from "../../contract/sequence.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import { commandStep, sequenceText } from "../fixtures/sequence-text.ts";
import { volley } from "../fixtures/volley-command.ts";
import { packageForWindows, runWine, wineAgent, winePath } from "../fixtures/wine.ts";

const skip = process.env["VOLLEY_TEST_LEVEL"] === "windows" ? false : "with --windows";
let folder = "";
let agent = "";
let room: Room;
before(async () => {
  if (skip !== false) return;
  folder = mkdtempSync(join(tmpdir(), "volley-hand-over-"));
  agent = await packageForWindows(join(folder, "package"));
  room = await openRoom("hand-over");
});
after(async () => {
  if (skip !== false) return;
  await room?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("what Setup Windows stages goes on as the same machine, without a credential", { skip }, async () => {
  const site = await room.startSite();
  const added = JSON.parse(await volley(site, "agent", "add", agent, "--json")) as PackageRecord;
  assert.equal(added.hash, createHash("sha256").update(readFileSync(agent)).digest("hex"));
  await assert.rejects(volley(site, "agent", "add", process.execPath), /is not the volley-agent\.exe/);
  const notes = winePath(join(folder, "staged-notes"));
  const steps = [commandStep("Restart", "cmd.exe /c exit 3010"), commandStep("After", `echo after>${notes}`)];
  writeFileSync(join(folder, "staged.xml"), sequenceText(...steps));
  const sequence = await volley(
    site,
    "sequence",
    "add",
    join(folder, "staged.xml"),
    "--name",
    "staged",
    "--json",
  );
  const { id: sequenceId } = JSON.parse(sequence) as SequenceRecord;
  const wish = { name: "staged", imageId: null, sequenceId, packages: [] };
  const deployment = await site.createDeployment(wish);
  const first = await room.startAgent(site, {
    name: "staged",
    disk: null,
    ...wineAgent(agent, join(folder, "staged.out")),
  });
  await first.exits(errors.E_RESTART_NEEDED.exitCode, 240_000);
  const state = openStateFolder(first.options.stateFolder, () => {});
  const enrolment = state.read("enrolment.json", Enrolment);
  assert.ok(enrolment);
  const siteAddress = { host: site.address, port: site.port };
  const client = new SiteClient({
    transport: openTransport(siteAddress, enrolment.authority),
    site: enrolment.site,
    authority: enrolment.authority,
    state,
    machine: (await site.machine("staged"))?.facts ?? assert.fail("it is not enrolled"),
    readCredential: () => null,
    onSecret: () => {},
  });
  const quiet = { info: () => {}, warning: () => {}, error: () => {}, detail: () => {} };
  const content = siteContent({
    siteAddress,
    site: new DeploymentSite(client, deployment.id),
    cast: async () => false,
    folder: join(folder, "packages"),
    log: quiet,
    signal: new AbortController().signal,
  });
  const by = { machine: { operatingSystem: "linux-pe" }, platform: { flushFolder: () => {} } };
  const files = agentFiles({
    by: { ...by, site: client, yes: true } as unknown as Performer,
    content,
    deploymentId: deployment.id,
    folder: join(folder, "staged"),
  });
  const staged = await files.windows();
  assert.ok(readFileSync(join(staged.folder, "volley-agent.exe")).equals(readFileSync(agent)));
  // A first try that fails at once, for what is mended while the script waits for the next.
  const authority = join(staged.folder, "State/authority.json");
  const right = readFileSync(authority, "utf8");
  writeFileSync(authority, JSON.stringify({ site: enrolment.site, authority: "none" }));
  const running = runWine(["cmd", "/c", winePath(join(staged.folder, "run.cmd"))], folder);
  const log = join(staged.folder, "State/logs/smsts.log");
  await waitFor(() => existsSync(log) && readFileSync(log, "utf8").includes("Ends with"), {
    what: "the first try's end",
    timeMs: 240_000,
  });
  assert.ok(existsSync(join(staged.folder, "State/hand-over.json")), "the deployment has not ended");
  writeFileSync(authority, right);
  await running;
  assert.ok(!existsSync(join(staged.folder, "State/hand-over.json")), "it has ended");
  assert.equal(readFileSync(join(folder, "staged-notes"), "utf8").trim(), "after");
  assert.equal((await site.machine("staged"))?.state, "succeeded");
  assert.equal((await site.machines()).length, 1);
});
