/** Exports have all that their filter matches, however much more that is than a page or a table shows. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { DeploymentRecord } from "../../contract/administration.ts";
import { limits } from "../../contract/limits.ts";
import { parseCsv } from "../../site/csv.ts";
import { DeviceSite } from "../fixtures/device-site.ts";
import { volley } from "../fixtures/volley-command.ts";

const notices = 2 * limits.exportPageEntries + 7;
const deployments = 75;

let lab: DeviceSite;
let token: string;
before(async () => {
  lab = await DeviceSite.open("exports");
  token = readFileSync(join(lab.site.folder, "admin-token"), "utf8").trim();
  const machine = await lab.enrol("pc-1");
  for (let told = 0; told < notices; told += limits.reportsPerRequest) {
    const reports = Array.from(
      { length: Math.min(limits.reportsPerRequest, notices - told) },
      (_, index) => ({
        id: randomUUID(),
        deploymentId: lab.image.id,
        time: new Date().toISOString(),
        kind: "notice",
        text: `number ${told + index}`,
      }),
    );
    await lab.api({ method: "POST", path: "/reports", token: machine.token, body: { reports } });
  }
  // Three messages of the site and three entries of the audit log each; the image's import has told one more.
  for (let made = 0; made < deployments; made += 1) {
    const wish = { name: `room ${made}`, imageId: lab.image.id, machines: [machine.id], unattended: false };
    const { id } = await lab.site.client.post<DeploymentRecord>("/deployments", wish);
    await lab.site.client.post(`/deployments/${id}/close`, {});
    await lab.site.client.remove(`/deployments/${id}`);
  }
});
after(() => lab.room.close());

/** Of the API's exports and the command line's: what each has, by JSON and CSV. */
const rows: [path: string, words: string[], least: number][] = [
  ["/status/export?messageId=60004", ["status", "--id", "60004"], notices],
  ["/site-status/export?from=2000-01-01T00:00:00Z", ["status", "--site"], 3 * deployments + 1],
  ["/audit/export?text=deployments", ["audit", "--text", "deployments"], 3 * deployments],
];

test("all of it by the API, as CSV and as JSON, and no more than it is asked for", async () => {
  for (const [path, , least] of rows) {
    const ask = async (more: string): Promise<string> => (await lab.api({ path: path + more, token })).text;
    const entries = JSON.parse(await ask("&format=json")) as { sequence: number }[];
    assert.equal(entries.length, least, path);
    const numbers = entries.map(({ sequence }) => sequence);
    assert.deepEqual(
      numbers,
      [...new Set(numbers)].toSorted((a, b) => b - a),
      path,
    );
    const csv = parseCsv(await ask("&format=csv"));
    assert.equal(csv.length, least + 1, path);
    assert.deepEqual(
      csv.slice(1).map(([sequence]) => Number(sequence)),
      numbers,
    );
    const limit = least - 3;
    assert.equal((JSON.parse(await ask(`&limit=${limit}`)) as unknown[]).length, limit, path);
    const [third] = numbers.slice(2);
    assert.equal((JSON.parse(await ask(`&before=${third}`)) as unknown[]).length, least - 3, path);
    assert.deepEqual(JSON.parse(await ask("&before=0")), [], path);
  }
});

test("all of it at the command line, and as much as is asked for", async () => {
  for (const [path, words, least] of rows) {
    const run = (...more: string[]): Promise<string> => volley(lab.site, ...words, ...more);
    assert.equal((JSON.parse(await run("--json")) as unknown[]).length, least, path);
    assert.equal(parseCsv(await run("--csv")).length, least + 1, path);
    assert.equal(parseCsv(await run("--csv", "--entries", "60")).length, 61, path);
    assert.equal((await run()).trim().split("\n").length, 51, path);
    const none = await run("--from", "2100-01-01T00:00:00Z", "--json");
    assert.deepEqual(JSON.parse(none), [], path);
  }
});
