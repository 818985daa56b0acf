/**
 * The live page in a real browser: logging in, what it shows of sessions and machines, that it shows names as text,
 * and that it comes back by itself when the site does. VOLLEY_ROOM_PICTURE=FILE keeps a picture of the room.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium, type Browser, type Page } from "playwright-core";
import type { DeploymentRecord, ImageRecord } from "../../contract/administration.ts";
import { JoinAnswer } from "../../contract/deployment.ts";
import { EnrolAnswer } from "../../contract/machine.ts";
import { HttpsCaller, type Answer } from "../fixtures/https.ts";
import { machineFacts } from "../fixtures/records.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const browserFlags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const gigabyte = 1_000_000_000;
const password = "a password of my own";

let room: Room;
let site: SiteProcess;
let caller: HttpsCaller;
let image: ImageRecord;
let deployment: DeploymentRecord;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
before(async () => {
  room = await openRoom("site page");
  site = await room.startSite();
  const authority = readFileSync(join(site.folder, "authority", "authority.pem"), "utf8");
  caller = new HttpsCaller({ host: site.address, port: site.port, authority });
  image = await site.importImage((await room.makeImage(4)).path, "Debian 12 lab");
  deployment = await site.createDeployment({ name: "room 3", imageId: image.id });
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: browserFlags });
  const context = await browser.newContext({
    ignoreHTTPSErrors: true,
    viewport: { width: 1100, height: 640 },
  });
  page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(site.url) && !request.url().startsWith("data:")) {
      complaints.push(request.url());
    }
  });
});
after(async () => {
  await browser?.close();
  caller?.close();
  await room.close();
});

const post = (path: string, token: string | undefined, body: object): Promise<Answer> =>
  caller.call({ method: "POST", path: `/api/v1${path}`, body, ...(token === undefined ? {} : { token }) });

/** A machine that has joined, and tells what a test says. */
async function addMachine(name: string) {
  const credential = await site.newCredential(1);
  const enrolled = EnrolAnswer.parse(
    (await post("/enrol", undefined, { credential, machine: machineFacts(name) })).json,
  );
  const token = `${enrolled.machineId}.${enrolled.machineKey}`;
  const joined = JoinAnswer.parse(
    (await post(`/deployments/${deployment.id}/join`, token, { resume: false })).json,
  );
  const report = (kind: string, more: object) =>
    post("/reports", token, {
      reports: [
        { id: randomUUID(), deploymentId: deployment.id, time: new Date().toISOString(), kind, ...more },
      ],
    });
  const progress = (more: object) =>
    post(`/deployments/${deployment.id}/progress`, token, {
      sessionId: joined.session.id,
      phase: "receiving",
      waitingFor: "",
      bottleneck: "site",
      bytesVerified: 0,
      bytesTotal: 12 * gigabyte,
      multicastBytes: 0,
      unicastBytes: 0,
      repairedSymbols: 0,
      bytesPerSecond: 0,
      secondsLeft: null,
      ...more,
    });
  return { report, progress };
}

const machine = (name: string) =>
  page.locator(".machine", { has: page.getByRole("heading", { name, exact: true }) });

test("the page asks for a name and a password, refuses a wrong one, and wants another than the first", async () => {
  await page.goto(`${site.url}/`);
  assert.equal(new URL(page.url()).pathname, "/login");
  await page.getByLabel("Name").fill("admin");
  await page.getByLabel("Password", { exact: true }).fill("a wrong password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("This name and this password do not open an account.").waitFor();
  complaints.length = 0; // The browser itself complains of the refusal.
  await page.getByLabel("Password", { exact: true }).fill(site.firstPassword);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("New password").fill(password);
  await page.getByLabel("Once more").fill(password);
  await page.getByRole("button", { name: "Change it" }).click();
  await page.getByText("No machine is enrolled yet.").waitFor();
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie?.httpOnly, cookie?.secure, cookie?.sameSite], [true, true, "Strict"]);
  const write = await page.evaluate(
    async () => (await fetch("/api/v1/credentials", { method: "POST" })).status,
  );
  assert.equal(write, 403, "the cookie alone only reads");
  complaints.length = 0;
});

test("it shows each machine's progress, what it waits for, and how it ended", async () => {
  const names = ["lab-01", "lab-02", "lab-03", "lab-04", "lab-05"] as const;
  const [working, waiting, done, failed] = await Promise.all(names.map(addMachine));
  assert.ok(working && waiting && done && failed);
  await working.report("started", { resume: false });
  await working.progress({
    bottleneck: "disk",
    bytesVerified: 7.2 * gigabyte,
    bytesPerSecond: 112_000_000,
    secondsLeft: 43,
  });
  await waiting.report("started", { resume: true });
  await waiting.progress({ bytesVerified: 3 * gigabyte, waitingFor: "the site to answer again" });
  const outcome = {
    root: image.root,
    multicastBytes: 6.1e9,
    unicastBytes: 2e6,
    foundChunks: 0,
    repairedSymbols: 311,
    seconds: 118,
  };
  await done.report("succeeded", { outcome });
  const remedy = "Replace the disk or its cable.";
  const detail = "the disk fails to write: pwrite on /dev/sda at byte 5242880 (chunk 5): Input/output error";
  await failed.report("started", { resume: false });
  await failed.progress({ bytesVerified: 5_242_880 });
  await failed.report("failed", { error: { code: "E_DEVICE_WRITE", detail, remedy } });

  await machine("lab-01").getByText("Held back by its disk.").waitFor();
  await machine("lab-01").getByText("7.2 GB of 12.0 GB, 112.0 MB/s, 0:43 left").waitFor();
  assert.equal(
    await machine("lab-01")
      .locator("progress")
      .evaluate((bar: { value: number }) => bar.value),
    0.6,
  );
  await machine("lab-02").getByText("the site to answer again").waitFor();
  await machine("lab-03")
    .getByText("in 1:58: 6.1 GB multicast, 2.0 MB unicast, 311 symbols repaired")
    .waitFor();
  await machine("lab-04").getByText(`E_DEVICE_WRITE: ${detail}`).waitFor();
  await machine("lab-04").getByText(remedy).waitFor();
  await machine("lab-05").getByText("waiting").waitFor();
  await page.getByText("5 machines: 2 working, 1 done, 1 failed").waitFor();
  await page.locator(".session").getByRole("heading", { name: "Debian 12 lab" }).waitFor();
  assert.deepEqual(complaints, []);
  const picture = process.env["VOLLEY_ROOM_PICTURE"];
  if (picture !== undefined) await page.screenshot({ path: picture });
});

test("names are text, whatever is in them", async () => {
  const name = `<img src=x onerror="document.title='taken'"><b>&amp;`;
  const hostile = await addMachine(name);
  await hostile.report("notice", { text: "<script>document.title = 'taken'</script>" });
  await machine(name).getByText("<script>document.title = 'taken'</script>").waitFor();
  assert.equal(await page.locator(".machine img, .machine b, .machine script").count(), 0);
  assert.equal(await page.title(), "Volley");
  assert.deepEqual(complaints, []);
});

test("users and tokens are made on the page, and the audit log says who made them", async () => {
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("link", { name: "Access" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Anna");
  await page.getByRole("button", { name: "Add user" }).click();
  await page.getByText(/^anna signs in with [a-z0-9-]{23}, which is shown this once\.$/).waitFor();
  await page.getByLabel("Role of anna").selectOption("operator");
  await page.getByRole("button", { name: "Disable anna" }).click();
  await page.getByRole("button", { name: "Enable anna" }).waitFor();
  await page.getByLabel("Token name").fill("inventory");
  await page.getByRole("button", { name: "Make token" }).click();
  const said = page.getByText(/^The token of inventory is volley_[\w-]{32} and is shown this once\.$/);
  await said.waitFor();
  const token = /volley_[\w-]{32}/.exec((await said.textContent()) ?? "")?.[0] ?? "";
  await page.getByRole("link", { name: "Audit log" }).click();
  const entries = page.locator("#audit tr");
  await entries.filter({ hasText: "POST /api/v1/accounts" }).filter({ hasText: "anna" }).first().waitFor();
  await entries.filter({ hasText: "sign in" }).filter({ hasText: "E_SIGN_IN" }).first().waitFor();
  assert.ok(!((await page.locator("#audit").textContent()) ?? "").includes(token));
  await page.getByRole("link", { name: "Access" }).click();
  await page.getByRole("button", { name: "Revoke inventory" }).click();
  await page.getByRole("button", { name: "Revoke inventory" }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Room" }).click();
  await machine("lab-01").waitFor();
  assert.deepEqual(complaints, []);
});

test("devices are imported, collected and deployed to on the page, which says what will happen and wants it confirmed", async () => {
  await page.getByRole("link", { name: "Devices" }).click();
  const csv = "name,mac\nfront desk,52:54:00:00:77:01\n";
  await page
    .getByLabel("CSV file")
    .setInputFiles({ name: "x.csv", mimeType: "text/csv", buffer: Buffer.from(csv) });
  await page.getByRole("button", { name: "Import devices" }).click();
  await page.getByText("1 devices are added.").waitFor();
  await page.locator("#devices tr", { hasText: "52:54:00:00:77:01" }).getByText("approved").waitFor();
  await page.getByLabel("Collection", { exact: true }).fill("every lab");
  await page.getByLabel("Value").fill("*");
  await page.getByRole("button", { name: "Make collection" }).click();
  await page.locator("#collections tr", { hasText: "name is like (* and ?) *" }).waitFor();

  await page.getByRole("link", { name: "Deployments" }).click();
  await page.getByLabel("Deployment", { exact: true }).fill("everything anew");
  await page.getByLabel("What").selectOption("image Debian 12 lab");
  await page.locator('select[name="to"]').selectOption({ index: 0 });
  await page.getByLabel("Kind").selectOption("required");
  await page.getByRole("button", { name: "Show what will happen" }).click();
  await page.getByText("High risk: It is for every machine of the site.").waitFor();
  await page.getByText("What is on the disk that the rule means is lost.").waitFor();
  await page.getByLabel("Type every lab to go on").fill("every lap");
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await page.getByText('Confirm with "every lab".').waitFor();
  complaints.length = 0; // The browser itself complains of the refusal.
  await page.getByLabel("Type every lab to go on").fill("every lab");
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await page.getByText("Deployment everything anew is open.").waitFor();
  await page.getByRole("button", { name: "Close everything anew" }).click();
  await page
    .locator("#deployments tr", { hasText: "everything anew" })
    .getByText("required, closed")
    .waitFor();
  await page.getByRole("link", { name: "Room" }).click();
  await machine("lab-01").waitFor();
  assert.deepEqual(complaints, []);
});

test("it says when the site is away and goes on by itself when it is back", async () => {
  await site.kill();
  await page.getByText("The site does not answer.").waitFor();
  await site.start();
  await page.locator("#away").waitFor({ state: "hidden" });
  await addMachine("after the restart");
  await machine("after the restart").waitFor();
  // Connections that failed are complained of by the browser itself.
  assert.deepEqual(
    complaints.filter((text) => !text.includes("ERR_")),
    [],
  );
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Name").waitFor();
  await page.goto(`${site.url}/`);
  assert.equal(new URL(page.url()).pathname, "/login");
});
