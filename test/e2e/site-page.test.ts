/**
 * The live page in a real browser: logging in, what it shows of sessions and machines, that it shows names as text,
 * and that it comes back by itself when the site does. VOLLEY_ROOM_PICTURE=FILE keeps a picture of the room.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { ImageRecord } from "../../contract/administration.ts";
import { openBrowser, openContext, ownPassword, ToldMachines } from "../fixtures/page.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley } from "../fixtures/volley-command.ts";

const gigabyte = 1_000_000_000;

let room: Room;
let site: SiteProcess;
let machines: ToldMachines;
let image: ImageRecord;
let browser: Browser;
let page: Page;
const complaints: string[] = [];
before(async () => {
  room = await openRoom("site page");
  site = await room.startSite();
  image = await site.importImage((await room.makeImage(4)).path, "Debian 12 lab");
  const deployment = await site.createDeployment({ name: "room 3", imageId: image.id });
  machines = new ToldMachines(site, deployment.id);
  browser = await openBrowser();
  const context = await openContext(browser, { viewport: { width: 1100, height: 640 } });
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
  machines?.close();
  await room.close();
});

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
  await page.getByLabel("New password").fill(ownPassword);
  await page.getByLabel("Once more").fill(ownPassword);
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

test("it shows each machine's progress, what it waits for, and how it ended", async (t) => {
  const names = ["lab-01", "lab-02", "lab-03", "lab-04", "lab-05"] as const;
  const [working, waiting, done, failed] = await Promise.all(names.map((name) => machines.add(name)));
  assert.ok(working && waiting && done && failed);
  await working.report("started", { resume: false });
  await waiting.report("started", { resume: true });
  let progress: Parameters<typeof working.progress>[0] = {
    bottleneck: "disk",
    bytesVerified: 7.2 * gigabyte,
    bytesPerSecond: 112_000_000,
    lossPart: 0.0042,
    diskBytesPerSecond: 96_500_000,
    secondsLeft: 43,
  };
  // Who says nothing for some seconds is shown as silent, and a browser may need longer.
  const tell = async (): Promise<void> => {
    await working.progress(progress);
    await waiting.progress({ bytesVerified: 3 * gigabyte, waitingFor: "the site to answer again" });
  };
  await tell();
  const telling = setInterval(() => void tell(), 4000);
  t.after(() => clearInterval(telling));
  await working.step({ number: 3, total: 12, name: "Apply the lab's image" });
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
  await machine("lab-01").getByText("Step 3 of 12: Apply the lab's image").waitFor();
  assert.deepEqual(await machine("lab-01").locator("dd").allTextContents(), ["96.5 MB/s", "0.4 %"]);
  await machine("lab-02").getByText("the site to answer again").waitFor();
  await machine("lab-03")
    .getByText("in 1:58: 6.1 GB multicast, 2.0 MB unicast, 311 symbols repaired")
    .waitFor();
  await machine("lab-04").getByText(`E_DEVICE_WRITE: ${detail}`).waitFor();
  await machine("lab-04").getByText(remedy).waitFor();
  await machine("lab-05").getByText("waiting").waitFor();
  await page.getByText("5 machines: 2 working, 1 done, 1 failed").waitFor();
  await page.locator(".session").getByRole("heading", { name: "Debian 12 lab" }).waitFor();
  const listed = await volley(site, "machine", "list");
  assert.match(listed, /^lab-01 +working .* its disk$/m);
  assert.match(await volley(site, "session", "list"), /HELD BACK BY +MOVED$/m);
  progress = { bottleneck: "site", bytesVerified: 7.2 * gigabyte };
  await tell();
  await machine("lab-01")
    .getByText(/^At the site's pace/)
    .waitFor();
  assert.match(await volley(site, "machine", "list"), /^lab-01 +working .* the site's pace/m);
  assert.deepEqual(complaints, []);
  const picture = process.env["VOLLEY_ROOM_PICTURE"];
  if (picture !== undefined) await page.screenshot({ path: picture });
});

test("names are text, whatever is in them", async () => {
  const name = `<img src=x onerror="document.title='taken'"><b>&amp;`;
  const hostile = await machines.add(name);
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
  await page.getByRole("link", { name: "Room", exact: true }).click();
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
  await page.getByText("1 device is added.").waitFor();
  await page.locator("#devices tr", { hasText: "52:54:00:00:77:01" }).getByText("approved").waitFor();
  await page.getByLabel("Hours").fill("0.5");
  await page.getByRole("button", { name: "Make credential" }).click();
  const credential = page.getByText(
    /^The credential is [\w-]{20,}, valid until .* UTC; it is shown this once\.$/,
  );
  await credential.waitFor();
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
  await page.getByText("What is on one disk of each machine is lost:").waitFor();
  await page.getByLabel("Type every lab to go on").fill("every lap");
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await page.getByText('Confirm with "every lab".').waitFor();
  complaints.length = 0; // The browser itself complains of the refusal.
  await page.getByLabel("Type every lab to go on").fill("every lab");
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await page.getByText("Deployment everything anew is open.").waitFor();
  await page.getByRole("button", { name: "Close everything anew" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Close it" }).click();
  await page
    .locator("#deployments tr", { hasText: "everything anew" })
    .getByText("required, closed")
    .waitFor();
  await page.getByRole("link", { name: "Room", exact: true }).click();
  await machine("lab-01").waitFor();
  assert.deepEqual(complaints, []);
});

test("it says when the site is away and goes on by itself when it is back", async () => {
  await site.kill();
  await page.getByText("The site does not answer.").waitFor();
  await site.start();
  await page.locator("#away").waitFor({ state: "hidden" });
  await machines.add("after the restart");
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
