/** What the site tells of itself, and the webhook: signed, again until it is taken, across a restart, and nothing twice for long. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { limits } from "../../contract/limits.ts";
import type { SiteStatusEntry } from "../../contract/status-messages.ts";
import { WebhookDelivery, type WebhookState } from "../../contract/webhook.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley as runVolley } from "../fixtures/volley-command.ts";

const secret = "a secret of the test's own";

let room: Room;
let site: SiteProcess;
let receiver: Server;
let url: string;
let isRefusing = false;
let refused = 0;
const taken: { messages: WebhookDelivery["messages"]; signature: string; body: string }[] = [];

before(async () => {
  room = await openRoom("webhook");
  site = await room.startSite();
  receiver = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const body = Buffer.concat(pieces).toString();
      const signature = String(request.headers["x-volley-signature"]);
      if (isRefusing) refused += 1;
      else taken.push({ ...WebhookDelivery.parse(JSON.parse(body)), signature, body });
      response.writeHead(isRefusing ? 503 : 204).end();
    });
  });
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
});
after(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await room.close();
});

const volley = (...words: string[]): Promise<string> => runVolley(site, ...words);
const told = (): [string, number][] =>
  taken.flatMap(({ messages }) => messages.map((one): [string, number] => [one.source, one.messageId]));
const waitTold = (source: string, messageId: number): Promise<true> =>
  waitFor(async () => (told().some(([from, id]) => from === source && id === messageId) ? true : null), {
    what: `message ${messageId}`,
    // A site that is killed as it sends has claimed what it sends.
    timeMs: limits.webhookClaimMs * 2,
  });

test("a site tells of content, deployments and sessions, and machines' failures go the same way", async () => {
  const file = join(room.folder, "secret");
  writeFileSync(file, `${secret}\n`);
  const image = await room.makeImage(8);
  const { id } = await site.importImage(image.path, "lab");
  await volley("webhook", "set", url, "--secret-file", file, "--severity", "information");
  const deployment = await site.createDeployment({
    name: "room",
    imageId: id,
    machines: "all",
    rateMbps: 400,
  });
  const agent = await room.startAgent(site, { name: "w1", disk: await room.makeDisk(8) });
  await agent.exits(0);
  await waitTold("site", 61_021);
  await waitTold("site", 61_001);
  await waitTold("machine", 60_005);
  await site.client.post(`/deployments/${deployment.id}/close`, {});
  await waitTold("site", 61_002);
  assert.ok(!told().some(([, messageId]) => messageId === 61_011), "what was told before is not sent");
  for (const { body, signature } of taken) {
    const [, seconds = "", hex] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
    assert.equal(hex, createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex"));
  }
  const own = await site.client.get<SiteStatusEntry[]>("/site-status?messageId=61011");
  assert.deepEqual(
    own.map(({ text }) => text),
    ["lab"],
  );
  assert.match(await volley("status", "--site"), /61002 .* lab of room: deployment-closed/);
});

test("what is not taken is kept over a restart, and sent once it is", async () => {
  isRefusing = true;
  const takenBefore = taken.length;
  await volley("image", "remove", "lab").catch(() => undefined);
  const deployments = await site.client.get<{ id: string }[]>("/deployments");
  for (const { id } of deployments) await site.client.remove(`/deployments/${id}`);
  await waitFor(async () => (refused > 0 ? true : null), { what: "a refused try" });
  const failing = await waitFor(
    async () => {
      const state = await site.client.get<WebhookState>("/webhook");
      return state !== null && state.failures > 0 ? state : null;
    },
    { what: "the failure to be shown" },
  );
  assert.match(failing.problem, /503/);
  await site.kill();
  isRefusing = false;
  await site.start();
  await waitTold("site", 61_023);
  assert.ok(taken.length > takenBefore);
  const kept = readFileSync(join(site.folder, "site.log"), "utf8") + JSON.stringify(failing);
  assert.ok(!kept.includes(secret), "the secret came up");
  const state = await waitFor(
    async () => {
      const now = await site.client.get<WebhookState>("/webhook");
      return now?.failures === 0 ? now : null;
    },
    { what: "the failures to be forgotten" },
  );
  assert.equal(state.problem, "");
  await volley("webhook", "remove");
  assert.match(await volley("webhook", "show"), /sent nowhere/);
  for (const wrong of ["ftp://127.0.0.1/x", "http://user:word@127.0.0.1/x"]) {
    const request = site.client.post("/webhook", { url: wrong, secret });
    await assert.rejects(request, { code: "E_REQUEST_INVALID" }, wrong);
  }
});
