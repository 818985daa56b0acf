/** A site whose disk is full says so, takes nothing by half, loses nothing, and goes on when there is room again. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { DeploymentRecord, Health, ImageRecord } from "../../contract/administration.ts";
import { Me, type AccountRecord } from "../../contract/accounts.ts";
import { ErrorAnswer } from "../../contract/common.ts";
import type { DeviceRecord } from "../../contract/devices.ts";
import { Examination } from "../../contract/doctor.ts";
import type { StatusEntry } from "../../contract/status-messages.ts";
import { EnrolledMachine } from "../fixtures/enrolled-machine.ts";
import { HttpsCaller } from "../fixtures/https.ts";
import { openBrowser, openContext, signIn } from "../fixtures/page.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import { SiteProcess } from "../fixtures/site-process.ts";

const skip = process.getuid?.() === 0 ? false : "needs root";
let room: Room;
let site: SiteProcess;
let machine: EnrolledMachine;
let deployment: DeploymentRecord;
let folder = "";
before(async () => {
  if (skip !== false) return;
  room = await openRoom("site full disk");
  folder = join(room.folder, "small");
  mkdirSync(folder);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=240m,mode=0700", "tmpfs", folder]);
  site = new SiteProcess(folder, {});
  await site.start();
  const image = await site.importImage((await room.makeImage(4)).path, "small");
  machine = await EnrolledMachine.enrol(site, "pc1");
  deployment = await site.createDeployment({ name: "one", imageId: image.id, machines: [machine.id] });
});
after(async () => {
  if (skip !== false) return;
  machine.close();
  await site.close();
  execFileSync("umount", [folder]);
  await room.close();
});

const acknowledged = new Set<string>();
/** "taken", or the code of the refusal. */
async function report(text: string): Promise<string> {
  const { json, status } = await machine.report(deployment.id, text);
  if (status !== 200) return ErrorAnswer.parse(json).code;
  acknowledged.add(text);
  return "taken";
}
const health = (): Promise<Health> => site.client.get<Health>("/health");
async function waitForState(state: Health["state"]): Promise<void> {
  await waitFor(async () => ((await health()).state === state ? true : null), {
    what: `health ${state}`,
    story: () => site.process.story(),
  });
}
async function nothingIsLost(): Promise<void> {
  const said = await site.client.get<StatusEntry[]>("/status?limit=10000");
  const kept = new Set(said.map(({ output }) => output));
  assert.deepEqual(
    [...acknowledged].filter((text) => !kept.has(text)),
    [],
  );
}

/** Takes all of the disk that is left, to the last byte. */
function fill(): string {
  const ballast = join(folder, "ballast");
  const descriptor = openSync(ballast, "a");
  try {
    for (const bytes of [1_048_576, 4096]) {
      for (let written = 1; written > 0;) {
        try {
          written = writeSync(descriptor, Buffer.alloc(bytes, 1));
        } catch {
          written = 0;
        }
      }
    }
  } finally {
    closeSync(descriptor);
  }
  return ballast;
}

test(
  "an image that does not fit is refused with the reason, and leaves nothing behind",
  { skip },
  async () => {
    const large = await room.makeImage(360);
    let goesOn = true;
    const reporting = (async () => {
      for (let count = 0; goesOn; count += 1) await report(`meanwhile ${count}`);
    })();
    const failure = await site.importImage(large.path, "large").catch((error: unknown) => error);
    goesOn = false;
    await reporting;
    assert.equal((failure as { code?: unknown }).code, "E_DISK_FULL", String(failure));
    const images = await site.client.get<ImageRecord[]>("/images");
    assert.deepEqual(
      images.map(({ name }) => name),
      ["small"],
    );
    assert.deepEqual(
      readdirSync(join(folder, "library")),
      images.map(({ id }) => id),
    );
    await waitForState("ok");
    assert.equal(await report("after the import"), "taken");
    await nothingIsLost();
  },
);

test("reports are refused and not lost while the disk is full, also after a kill", { skip }, async () => {
  const ballast = fill();
  // Nobody has looked at the disk yet: what the database has promised it keeps.
  const answers = new Set<string>();
  for (let count = 0; count < 200 && !answers.has("E_DISK_FULL"); count += 1) {
    answers.add(await report(`into the full disk ${count} ${"x".repeat(3000)}`));
  }
  await waitForState("impaired");
  assert.equal(await report("refused"), "E_DISK_FULL");
  assert.deepEqual(
    [...answers].filter((answer) => answer !== "taken" && answer !== "E_DISK_FULL"),
    [],
  );
  const { trouble } = await health();
  assert.equal(trouble?.code, "E_DISK_FULL");
  assert.match(trouble?.remedy ?? "", /Free space/);
  await assert.rejects(site.client.post("/images", { path: "/nowhere", name: "x" }), { code: "E_DISK_FULL" });
  await nothingIsLost();

  await site.kill();
  rmSync(ballast);
  await site.start();
  await waitForState("ok");
  await nothingIsLost();
  const said = await site.client.get<StatusEntry[]>("/status?limit=10000");
  assert.ok(!said.some(({ output }) => output === "refused"));
  assert.equal(await report("refused"), "taken");

  // Without a kill it goes on by itself, and its log tells both.
  const again = fill();
  await waitForState("impaired");
  rmSync(again);
  await waitForState("ok");
  assert.equal(await report("room again"), "taken");
  await nothingIsLost();
  const log = readFileSync(join(folder, "site.log"), "utf8");
  assert.match(log, /E_DISK_FULL: The disk of the data folder/);
});

test("the page says it to whoever looks, and no longer once there is room", { skip }, async () => {
  const browser = await openBrowser();
  try {
    const page = await (await openContext(browser)).newPage();
    await signIn(page, site);
    const ballast = fill();
    const banner = page.getByText(/disk of the site's data folder is full.*Free space/);
    await banner.waitFor({ timeout: 60_000 });
    rmSync(ballast);
    await banner.waitFor({ state: "hidden", timeout: 60_000 });
  } finally {
    await browser.close();
  }
});

test("what stops something, or only reads, goes on while the disk is full", { skip }, async () => {
  const authority = readFileSync(join(folder, "authority", "authority.pem"), "utf8");
  const caller = new HttpsCaller({ host: site.address, port: site.port, authority });
  const post = async (
    path: string,
    body: unknown,
    who: { token?: string; headers?: Record<string, string> },
  ) => {
    const answer = await caller.call({ method: "POST", path: `/api/v1${path}`, body, ...who });
    assert.ok(answer.status < 300, `${path}: ${answer.text}`);
    return answer;
  };
  const [password, other] = ["correct horse battery", "correct horse staple"];
  const account = await site.client.post<AccountRecord>("/accounts", {
    name: "operator",
    role: "operator",
    password,
  });
  const signedIn = await post("/login", { name: account.name, password }, {});
  const [cookie = ""] = [signedIn.headers["set-cookie"] ?? []].flat();
  const headers = {
    cookie: cookie.split(";")[0] ?? "",
    "x-volley-page": Me.parse(signedIn.json).pageMark ?? "",
  };
  const { token } = machine;
  const examination = Examination.parse((await post("/examinations", {}, { token })).json);
  const [device] = await site.client.get<DeviceRecord[]>("/devices");

  const ballast = fill();
  await waitForState("impaired");
  await post(`/deployments/${deployment.id}/drivers`, { identifiers: [] }, { token });
  await post(`/examinations/${examination.id}/close`, {}, { token });
  const closed = await site.client.post<DeploymentRecord>(`/deployments/${deployment.id}/close`, {});
  assert.equal(closed.open, false);
  await post("/me/password", { current: password, password: other }, { headers });
  await site.client.post(`/accounts/${account.id}/password`, {});
  const locked = await site.client.post<AccountRecord>(`/accounts/${account.id}`, { disabled: true });
  assert.equal(locked.disabled, true);
  const refused = await site.client.post<DeviceRecord>(`/devices/${device?.id}/state`, { state: "refused" });
  assert.equal(refused.state, "refused");
  assert.equal((await health()).state, "impaired", "all the while");
  rmSync(ballast);
  await waitForState("ok");
  caller.close();
});
