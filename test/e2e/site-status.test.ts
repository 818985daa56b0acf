/** What a site tells of a deployment: status messages, the signed report, metrics, its own description. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { TokenAnswer } from "../../contract/accounts.ts";
import type { ImageRecord } from "../../contract/administration.ts";
import { DeploymentReport, type SignedReport } from "../../contract/deployment-report.ts";
import type { StatusEntry } from "../../contract/status-messages.ts";
import { HttpsCaller } from "../fixtures/https.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley } from "../fixtures/volley-command.ts";

let room: Room;
let site: SiteProcess;
let record: ImageRecord;
let caller: HttpsCaller;
let viewer: string;
before(async () => {
  room = await openRoom("site status");
  site = await room.startSite();
  const image = await room.makeImage(20);
  record = await site.importImage(image.path, "lab");
  await site.createDeployment({ name: "shown", imageId: record.id, rateMbps: 400 });
  const agent = await room.startAgent(site, { name: "pc-1", disk: await room.makeDisk(20) });
  await agent.exits(0);
  const authority = readFileSync(join(site.folder, "authority", "authority.pem"), "utf8");
  caller = new HttpsCaller({ host: site.address, port: site.port, authority });
  const wish = { name: "scraper", role: "viewer", validDays: 1 };
  viewer = (await site.client.post<TokenAnswer>("/tokens", wish)).token;
});
after(async () => {
  caller.close();
  await room.close();
});

const run = (...words: string[]): Promise<string> => volley(site, ...words);
const refused = (code: number, complaint: RegExp) => (error: { code?: number; stderr?: string }) => {
  assert.equal(error.code, code);
  assert.match(error.stderr ?? "", complaint);
  return true;
};

test("messages of a deployment are listed, filtered and exported as CSV and JSON", async () => {
  const listed = await run("status", "--machine", "pc-1", "--deployment", "shown", "--json");
  const entries = JSON.parse(listed) as StatusEntry[];
  const numbers = entries.map(({ messageId }) => messageId).toReversed();
  assert.deepEqual(numbers.slice(0, 2), [60_001, 60_002]);
  assert.equal(numbers.at(-1), 60_005);
  const none = await run("status", "--severity", "error", "--json");
  assert.deepEqual(JSON.parse(none), []);
  await assert.rejects(run("status", "--severity", "loud"), refused(2, /^E_USAGE/));
  const path = "/api/v1/status/export?format=csv&messageId=60005";
  const exported = await caller.call({ path, token: viewer });
  assert.match(String(exported.headers["content-type"]), /^text\/csv/);
  const lines = exported.text.trim().split("\r\n");
  assert.equal(lines.length, 2);
  assert.match(lines[1] ?? "", /pc-1,.*shown,.*information,60005,/);
});

test("the report says what is on the disk, is the site's by its signature, and one that was changed is found out", async () => {
  const kept = await run("report", "pc-1", "--verify", "--json");
  const signed = JSON.parse(kept) as SignedReport;
  const report = DeploymentReport.parse(JSON.parse(signed.report));
  assert.equal(report.state, "succeeded");
  assert.equal(report.deployment.createdBy, "local");
  const [image] = report.images;
  assert.equal(image?.root, record.root);
  assert.equal(image.outcome?.root, record.root);
  assert.equal(image.outcome.chunksVerified, record.chunks);
  assert.ok(image.disk !== null && report.started !== null && report.ended !== null);
  assert.ok(report.steps.length >= 3);
  const file = join(room.folder, "report.json");
  writeFileSync(file, kept);
  assert.match(await run("report", "pc-1", "--file", file, "--verify"), /signature is this site's/);
  writeFileSync(file, JSON.stringify({ ...signed, report: signed.report.replace("pc-1", "pc-2") }));
  const forged = run("report", "pc-1", "--file", file, "--verify");
  await assert.rejects(forged, refused(65, /^E_REPORT_FORGED/));
});

test("Prometheus gets metrics with a viewer's token, at both addresses, and nobody without one", async () => {
  for (const path of ["/metrics", "/api/v1/metrics"]) {
    assert.equal((await caller.call({ path })).status, 401);
    const { headers, status, text } = await caller.call({ path, token: viewer });
    assert.equal(status, 200);
    assert.match(String(headers["content-type"]), /^text\/plain; version=0\.0\.4/);
    assert.match(text, /^volley_machines\{state="succeeded"\} 1$/m);
    assert.match(text, /^volley_images 1$/m);
    for (const line of text.trim().split("\n")) {
      assert.match(line, /^(# (HELP|TYPE) \w+ .+|[a-z_]+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [\d.]+)$/);
    }
  }
});

test("the site describes its API in OpenAPI, for whoever may look", async () => {
  for (const path of ["/openapi.json", "/api/v1/openapi.json"]) {
    assert.equal((await caller.call({ path })).status, 401);
    const { json, status } = await caller.call({ path, token: viewer });
    assert.equal(status, 200);
    const { openapi, paths } = json as { openapi: string; paths: Record<string, unknown> };
    assert.equal(openapi, "3.1.0");
    assert.ok(Object.keys(paths).length > 60);
  }
});
