/**
 * What is administered on the page is so at the command line and by the API: a deployment that is done once more, status
 * messages and reports, network boot, the webhook, buildings; and who only looks is offered none of it.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import type { DeviceRecord } from "../../contract/devices.ts";
import type { PointRecord } from "../../contract/point.ts";
import type { PxeStatus } from "../../contract/pxe.ts";
import type { WebhookState } from "../../contract/webhook.ts";
import { Desk, row as rowOf, says as saysOn } from "../fixtures/page-desk.ts";
import { faultsOf, openContext, openView } from "../fixtures/page.ts";
import { waitFor } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley, volleyJson } from "../fixtures/volley-command.ts";

let desk: Desk;
let site: SiteProcess;
let page: Page;
before(async () => {
  desk = await Desk.open("page settings");
  ({ page, site } = desk);
});
after(() => desk?.close());

const open = (view: string): Promise<void> => openView(page, view);
const row = (table: string, text: string) => rowOf(page, table, text);
const says = (text: string): Promise<void> => saysOn(page, text);

test("a deployment is done once more by one machine, and by all of them where that is confirmed", async () => {
  const { id } = await site.client.post<{ id: string }>("/deployments", {
    name: "everything anew",
    imageId: desk.image.id,
    machines: "all",
    purpose: "required",
    confirm: "all machines",
  });
  await desk.machine.join(id, { resume: false });
  await open("Deployments");
  const again = page.getByRole("button", { name: "Do everything anew once more" });
  await again.first().click();
  const asked = page.locator(".confirmation");
  await asked.getByText("High risk: It is for every machine of the site.").waitFor();
  await asked.getByRole("button", { name: "Do everything anew once more" }).click();
  await says('Confirm with "all machines".');
  await asked.getByLabel("Once more on").selectOption("lab-01");
  await asked.getByText("It is for 1 device: lab-01").waitFor();
  await asked.getByRole("button", { name: "Do everything anew once more" }).click();
  await says("1 machine is to do everything anew once more.");
});

test("a backup is made on the page, opens with its passphrase, and is said to have been made", async () => {
  const passphrase = "a long passphrase of ours";
  await open("Settings");
  await open("Backup");
  await page.getByText("Nobody has made one.").waitFor();
  const making = page.getByRole("form", { name: "Make a backup" });
  await making.getByLabel("Passphrase").fill(passphrase);
  await making.getByLabel("Once more").fill("another passphrase");
  await making.getByRole("button").click();
  await says("The passphrase is not the same both times.");
  await making.getByLabel("Once more").fill(passphrase);
  const download = page.waitForEvent("download");
  await making.getByRole("button").click();
  const path = join(desk.room.folder, "site.backup");
  await (await download).saveAs(path);
  await says("Read it back with volley restore --verify.");
  await page.getByText("succeeded", { exact: true }).waitFor();
  assert.deepEqual(await faultsOf(page), []);
  const secret = join(desk.room.folder, "passphrase");
  writeFileSync(secret, passphrase);
  await volley(site, "restore", path, "--verify", "--passphrase-file", secret);
  await site.client.post("/backup", { passphrase: "short" }).catch(() => undefined);
  await page.reload();
  await page.getByText("failed: E_REQUEST_INVALID").waitFor();
});

test("network boot answers a device once more when its page says so", async () => {
  const devices = await site.client.get<DeviceRecord[]>("/devices");
  const device = devices.find(({ machineId }) => machineId === desk.machine.id);
  await page.goto(`${site.url}/devices/${device?.id}`);
  await page.getByRole("button", { name: "Network boot once more for lab-01" }).click();
  await says("Network boot answers lab-01 as if it had taken no required deployment.");
});

test("the API is described where programs get their tokens", async () => {
  await open("Settings");
  await open("API");
  await page.getByRole("heading", { name: "deployments", exact: true }).waitFor();
  await page.getByText("POST /api/v1/deployments/{id}/clear").click();
  const route = page.locator("details", { hasText: "POST /api/v1/deployments/{id}/clear" });
  await route.getByText("operator").waitFor();
  await route.getByText("Takes an object").waitFor();
  await route.getByText("confirm (may be left out): string").waitFor();
  assert.deepEqual(await faultsOf(page), []);
});

test("status messages are filtered, and exported as they are shown", async () => {
  await desk.machine.report(desk.deploymentId, "the rack was moved");
  await open("Status");
  await row("statuses", "the rack was moved").waitFor();
  await row("site-statuses", "A deployment was made").first().waitFor();
  await page.locator('select[name="machineId"]').selectOption("lab-01");
  await page.getByLabel("Message identifier").fill("60004");
  await page.getByRole("button", { name: "Show them" }).click();
  await waitFor(async () => (await page.locator("#statuses tr").count()) === 1 || null, {
    what: "the one message that is meant",
  });
  await row("statuses", "The machine gave a notice").waitFor();
  const [file] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "As CSV" }).click(),
  ]);
  const lines = readFileSync(await file.path(), "utf8")
    .trim()
    .split("\n");
  assert.equal(lines.length, 2);
  assert.match(lines[1] ?? "", /lab-01.*the rack was moved/);
  assert.deepEqual(await faultsOf(page), []);
});

test("the report of a machine's deployment is fetched from the page, and its signature holds", async () => {
  await open("Devices");
  await page.getByRole("link", { name: "lab-01" }).click();
  const report = page.getByRole("button", { name: "Signed report of the deployment of lab-01" });
  // It has begun nothing yet of what it is to do once more.
  await report.click();
  await says("lab-01 has told nothing of a deployment.");
  await desk.machine.begin(desk.deploymentId);
  const [file] = await Promise.all([page.waitForEvent("download"), report.click()]);
  const path = join(desk.room.folder, "report.json");
  await file.saveAs(path);
  assert.match(await volley(site, "report", "lab-01", "--file", path, "--verify"), /lab-01/);
});

test("how computers boot from the network is said, and who may not", async () => {
  await open("Settings");
  await open("Network boot");
  await page.getByText("Not served: the site runs without --pxe.").waitFor();
  await page.getByLabel("Computers without a record").selectOption("get no answer");
  await page.getByLabel("Delay, seconds").fill("3");
  await page.getByLabel("MACs that get no answer").fill("52-54-00-00-00-01\n52:54:00:00:00:02");
  await page.getByLabel("Boot image").selectOption("Windows PE");
  await page.getByLabel("Password").fill("open sesame");
  await page.getByRole("button", { name: "Save" }).click();
  await says("can be typed at every machine");
  await page.getByLabel("Password").fill("open-sesame");
  await page.getByRole("button", { name: "Save" }).click();
  await says("Saved. It counts for whoever asks from now on.");
  const { properties } = await volleyJson<PxeStatus>(site, "pxe", "status");
  assert.equal(properties.unknown, "ignore");
  assert.equal(properties.delaySeconds, 3);
  assert.equal(properties.bootImage, "winpe");
  assert.equal(properties.password, true);
  assert.deepEqual(properties.excludedMacs, ["52:54:00:00:00:01", "52:54:00:00:00:02"]);
  await page.getByLabel("Ask for no password any more").check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByLabel("Password (none: nobody is asked)").waitFor();
  assert.equal((await site.client.get<PxeStatus>("/pxe")).properties.password, false);
  assert.deepEqual(await faultsOf(page), []);
});

test("a webhook is set, seen and taken away", async () => {
  await open("Webhook");
  await page.getByText("Status messages are sent nowhere.").waitFor();
  const url = "http://127.0.0.1:9/hook";
  await page.getByLabel("Send messages to").fill(url);
  await page.getByLabel("Secret that signs them").fill("a secret of the test's own");
  await page.getByLabel("From which severity on").selectOption("error");
  await page.getByRole("button", { name: "Send them there" }).click();
  await says(`Messages go to ${url} from now on.`);
  await page.getByText("nothing yet").waitFor();
  assert.equal((await volleyJson<WebhookState>(site, "webhook", "show"))?.least, "error");
  assert.ok(!(await page.content()).includes("a secret of the test's own"));
  await page.getByRole("button", { name: "Remove the webhook" }).click();
  await page.getByText("Status messages are sent nowhere.").first().waitFor();
  assert.equal(await volleyJson<WebhookState>(site, "webhook", "show"), null);
});

test("a distribution point in another building is added, changed, given an image and a package, and removed", async () => {
  await open("Buildings");
  await page.getByLabel("Name of the building").fill("annexe");
  await page.getByLabel("Its own address").fill("127.0.0.2");
  await page.getByLabel("Its machines' subnets").fill("127.9.0.0/16, 127.10.0.0/16");
  await page.getByRole("button", { name: "Add distribution point" }).click();
  await page
    .getByText(/^annexe enrols with [\w-]{20,}, valid until .* UTC; it is shown this once\.$/)
    .waitFor();
  const section = page.locator("section", {
    has: page.getByRole("heading", { name: "annexe", exact: true }),
  });
  await section.getByText("not enrolled yet").waitFor();
  await section.getByRole("button", { name: "Copy image there" }).click();
  await says("It is copied to annexe.");
  await section.locator(".work", { hasText: "Debian 12 lab" }).waitFor();
  const folder = join(desk.room.folder, "office");
  mkdirSync(folder);
  writeFileSync(join(folder, "payload"), "an office");
  await volley(site, "package", "add", folder, "--id", "OFF00001", "--multicast", "allowed");
  await section.getByRole("button", { name: "Copy package there" }).click();
  await section.locator(".work", { hasText: "Package OFF00001" }).waitFor();
  await section.getByText("Change annexe").click();
  const changing = section.getByRole("form", { name: "Properties of annexe" });
  await changing.getByLabel("Copying hours there").fill("20-6");
  await changing.getByLabel("Transfer rate").fill("400");
  await changing.getByLabel("Every package that is cast comes to it").check();
  await changing.getByLabel("Session start delay, minutes").fill("7");
  await changing.getByRole("button", { name: "Save annexe" }).click();
  await says("annexe is changed.");
  await section.getByText("from 20 to 6 o'clock there").waitFor();
  const [point] = await volleyJson<PointRecord[]>(site, "dp", "list");
  assert.deepEqual(point?.boundaries, ["127.9.0.0/16", "127.10.0.0/16"]);
  assert.deepEqual(point.replication, { rateMbps: 0, hours: { from: 20, to: 6 } });
  assert.deepEqual([point.properties.rateMbps, point.properties.startDelayMinutes], [400, 7]);
  assert.deepEqual(point.images, [desk.image.id]);
  assert.ok(point.allPackages);
  assert.deepEqual(
    point.packages.map(({ packageId }) => packageId),
    ["OFF00001"],
  );
  assert.deepEqual(await faultsOf(page), []);
  await section.getByRole("button", { name: "Take it away from annexe: Debian 12 lab" }).click();
  await section.locator(".work", { hasText: "Debian 12 lab" }).waitFor({ state: "detached" });
  await section.locator(".work", { hasText: "Package OFF00001" }).waitFor();
  if (!(await section.getByRole("button", { name: "Remove annexe" }).isVisible())) {
    await section.getByText("Change annexe").click();
  }
  await section.getByRole("button", { name: "Remove annexe" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await says("Distribution point annexe is removed.");
  await volley(site, "package", "remove", "OFF00001");
  await section.waitFor({ state: "detached" });
});

test("who only looks is offered nothing to change", async () => {
  const { password } = await site.client.post<{ password: string }>("/accounts", {
    name: "guest",
    role: "viewer",
  });
  const context = await openContext(desk.browser);
  const guest = await context.newPage();
  await guest.goto(`${site.url}/login`);
  await guest.getByLabel("Name").fill("guest");
  await guest.getByLabel("Password", { exact: true }).fill(password);
  await guest.getByRole("button", { name: "Sign in" }).click();
  await guest.getByLabel("New password").fill("a guest's own words");
  await guest.getByLabel("Once more").fill("a guest's own words");
  await guest.getByRole("button", { name: "Change it" }).click();
  await guest.getByRole("heading", { name: "Machines" }).waitFor();
  const devices = await site.client.get<DeviceRecord[]>("/devices");
  const device = devices.find(({ machineId }) => machineId === desk.machine.id);
  for (const [path, shown, ...offered] of [
    ["/packages", "There is none yet.", "Find drivers"],
    [`/devices/${device?.id}`, "There is none of its own.", "Signed report"],
    ["/status", "the rack was moved", "Show them", "Older ones"],
    ["/points", "There is none: the site itself sends to every machine."],
    ["/settings/pxe", "Who asked"],
    ["/settings/webhook", "The webhook is for administrators."],
    ["/settings/backup", "Backups are for administrators."],
    ["/deployments", "room 3"],
    [`/deployments/${desk.deploymentId}`, "lab-01"],
  ]) {
    await guest.goto(`${site.url}${path}`);
    await guest
      .locator("main")
      .getByText(shown ?? "")
      .first()
      .waitFor();
    const buttons = await guest.locator("main").getByRole("button", { disabled: false }).allTextContents();
    assert.deepEqual(buttons, offered, path);
  }
  await context.close();
});
