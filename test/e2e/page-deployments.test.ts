/** Deployments on the page: everything that the command line can say of one, for whom, onto which disk and with what. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import type { CredentialAnswer, DeploymentRecord } from "../../contract/administration.ts";
import type { CollectionRecord, DeviceRecord } from "../../contract/devices.ts";
import { EnrolledMachine } from "../fixtures/enrolled-machine.ts";
import { Desk, row, says as saysOn } from "../fixtures/page-desk.ts";
import { faultsOf, openView, ToldMachines } from "../fixtures/page.ts";
import { commandStep, sequenceText } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley } from "../fixtures/volley-command.ts";

let desk: Desk;
let site: SiteProcess;
let page: Page;
before(async () => {
  desk = await Desk.open("page deployments");
  ({ page, site } = desk);
});
after(() => desk?.close());

const says = (text: string): Promise<void> => saysOn(page, text);

async function deployed(name: string): Promise<DeploymentRecord> {
  const all = await site.client.get<DeploymentRecord[]>("/deployments");
  const found = all.find((one) => one.name === name);
  assert.ok(found, `there is no deployment ${name}`);
  return found;
}

test("machines are named, and which disk of each is overwritten is said before it is", async () => {
  await openView(page, "Deployments");
  await page.getByLabel("Deployment", { exact: true }).fill("one desk");
  await page.locator('select[name="to"]').selectOption("machines by name");
  await page.getByLabel("Which machines").selectOption("lab-01");
  await page.getByLabel("Disk's serial number").fill("S64D");
  await page.getByLabel("Disk of at least, GB").fill("250.5");
  await page.getByLabel("Disk of at most, GB").fill("1000");
  await page.getByLabel("Removable disks too").check();
  await page.getByLabel("Grow Windows to the disk").check();
  await page.getByRole("button", { name: "Show what will happen" }).click();
  await page.getByText("It is for 1 device: lab-01").waitFor();
  await page
    .getByText(
      "the only one that is not in use, fits the image, has the serial number S64D, holds at least 250.5 GB, holds at most 1.0 TB and may be removable.",
    )
    .waitFor();
  await page.getByText("Afterwards Windows is grown to the disk").waitFor();
  assert.deepEqual(await faultsOf(page), []);
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await says("Deployment one desk is open.");
  const { disk, machines } = await deployed("one desk");
  assert.deepEqual(machines, [desk.machine.id]);
  assert.deepEqual(disk, {
    removable: true,
    fit: true,
    serial: "S64D",
    leastBytes: 250_500_000_000,
    mostBytes: 1_000_000_000_000,
  });
});

test("packages that machines may fetch for a sequence are chosen", async () => {
  const file = join(desk.room.folder, "one.xml");
  writeFileSync(file, sequenceText(commandStep("One", "true")));
  await volley(site, "sequence", "add", file);
  for (const id of ["IMG00001", "IMG00002"]) {
    await volley(site, "package", "image", "Debian 12 lab", "--id", id);
  }
  await page.reload();
  await page.getByLabel("Deployment", { exact: true }).fill("with a package");
  await page.locator('select[name="what"]').selectOption("task sequence one");
  await page.locator('select[name="to"]').selectOption("all machines");
  await page.locator('select[name="packages"]').selectOption("IMG00002");
  await page.getByRole("button", { name: "Show what will happen" }).click();
  await page.getByText("A step that writes the image of a whole disk takes one that is not in use").waitFor();
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await says("Deployment with a package is open.");
  assert.deepEqual((await deployed("with a package")).packages, ["IMG00002"]);
});

test("a file of devices is confirmed where a collection's open deployment becomes one of high risk by it", async () => {
  const devices = await site.client.get<DeviceRecord[]>("/devices");
  const wish = { name: "the desks", devices: devices.map(({ id }) => id) };
  const { id } = await site.client.post<CollectionRecord>("/collections", wish);
  const what = { imageId: desk.image.id, collectionId: id, purpose: "required" as const };
  await site.createDeployment({ name: "by itself", ...what });
  await openView(page, "Devices");
  await page.getByLabel("CSV file").setInputFiles({
    name: "devices.csv",
    mimeType: "text/csv",
    buffer: Buffer.from("name,mac,collection\nlab-09,52:54:00:00:98:01,the desks"),
  });
  await page.getByRole("button", { name: "Import devices" }).click();
  await page.getByText("Whoever comes into collection the desks takes deployment by itself").waitFor();
  await page.getByText("It is for 1 device (of which 0 have enrolled): lab-09").waitFor();
  assert.deepEqual(await faultsOf(page), []);
  await page.getByRole("button", { name: "Import them" }).click();
  await says('Confirm with "the desks".');
  await page.getByLabel("Type the desks to go on").fill("the desks");
  await page.getByRole("button", { name: "Import them" }).click();
  await says("1 device is added.");
  await page.getByLabel("Type the desks to go on").waitFor({ state: "detached" });
});

test("what came of each machine is found at its deployment, with its log, and the room by deployment", async () => {
  const told = new ToldMachines(site, desk.deploymentId);
  const failed = await told.add("lab-03");
  const error = { code: "E_DEVICE_WRITE", detail: "the disk fails to write", remedy: "Replace the disk." };
  await failed.report("failed", { error });
  await failed.bringLog("one line of its log\r\n");
  told.close();
  await openView(page, "Deployments");
  await row(page, "deployments", "room 3").getByText("1 failed").waitFor();
  await page.getByRole("link", { name: "room 3", exact: true }).click();
  await page.getByRole("heading", { name: "Deployment room 3" }).waitFor();
  const line = row(page, "deployment-machines", "lab-03");
  await line.getByText("E_DEVICE_WRITE: the disk fails to write Replace the disk.").waitFor();
  assert.deepEqual(await faultsOf(page), []);
  await line.getByRole("link", { name: "Log of lab-03" }).click();
  await page.getByRole("heading", { name: "smsts.log of lab-03" }).waitFor();
  await page.getByText(/^room 3, came /).waitFor();
  await page.reload();
  await page.getByText(/^room 3, came /).waitFor();
  await openView(page, "Room");
  const tiles = page.locator(".machine h3");
  await page.locator(".machine", { hasText: "lab-03" }).getByText("room 3", { exact: true }).waitFor();
  assert.deepEqual(await tiles.allTextContents(), ["lab-01", "lab-03"]);
  await page.getByLabel("Deployment", { exact: true }).selectOption("room 3");
  await page.locator(".machine").nth(1).waitFor({ state: "detached" });
  assert.deepEqual(await tiles.allTextContents(), ["lab-03"]);
  assert.deepEqual(await faultsOf(page), []);
  await page.getByLabel("Deployment", { exact: true }).selectOption("Any deployment");
});

test("a deployment ends when that is confirmed, with who is at work on it in sight", async () => {
  const told = new ToldMachines(site, desk.deploymentId);
  try {
    const working = await told.add("lab-02");
    await working.report("started", { resume: false });
    await openView(page, "Room");
    await page.getByText("3 machines: 1 working").waitFor();
    await openView(page, "Deployments");
    const dialog = page.getByRole("dialog");
    await page.getByRole("button", { name: "Close room 3" }).click();
    await dialog.getByText("1 machine is at work on it").waitFor();
    await dialog.getByText("lab-02").waitFor();
    assert.deepEqual(await faultsOf(page), []);
    await dialog.getByRole("button", { name: "Cancel" }).click();
    await dialog.waitFor({ state: "detached" });
    assert.equal((await deployed("room 3")).open, true);
    await page.getByRole("button", { name: "Close room 3" }).click();
    await dialog.getByRole("button", { name: "Close it" }).click();
    await says("Deployment room 3 is closed.");
    assert.equal((await deployed("room 3")).open, false);
  } finally {
    told.close();
  }
  await page.getByRole("button", { name: "Remove one desk" }).click();
  await page.getByRole("dialog").getByText("No machine is at work on it.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await says("Deployment one desk is removed.");
  await row(page, "deployments", "one desk").waitFor({ state: "detached" });
});

test("who comes into a collection is confirmed where its open deployment becomes one of high risk by that", async () => {
  await openView(page, "Devices");
  await page.getByRole("link", { name: "the desks" }).click();
  const changing = page.getByRole("form", { name: "Change the collection" });
  await changing.getByLabel("Value", { exact: true }).fill("lab-*");
  await changing.getByRole("button", { name: "Save" }).click();
  await page.getByText(/High risk: Deployment .*: It is for every machine of the site\./).waitFor();
  await page.getByText("Whoever comes into collection the desks takes deployment by itself").waitFor();
  assert.deepEqual(await faultsOf(page), []);
  await page.getByRole("button", { name: "Change it" }).click();
  await says('Confirm with "the desks".');
  await page.getByLabel("Type the desks to go on").fill("the desks");
  await page.getByRole("button", { name: "Change it" }).click();
  await says("Collection the desks is changed.");
  await row(page, "members", "lab-02").getByText("by rule").waitFor();
});

test("who is to be approved is shown with what an open deployment does by that, before it is", async () => {
  const rule = { match: "all", conditions: [{ fact: "name", operator: "like", value: "strange*" }] };
  const { id } = await site.client.post<CollectionRecord>("/collections", { name: "strangers", rule });
  const what = { imageId: desk.image.id, collectionId: id, purpose: "required" as const };
  await site.createDeployment({ name: "to strangers", ...what });
  const wish = { uses: 2, validHours: 1, approves: false };
  const { credential } = await site.client.post<CredentialAnswer>("/credentials", wish);
  for (const name of ["plain-1", "strange-1"]) {
    const machine = await EnrolledMachine.enrol(site, name, credential);
    machine.close();
  }
  await openView(page, "Devices");
  const stateOf = (name: string) => row(page, "devices", name).locator(".state");
  await page.getByRole("button", { name: "Approve strange-1", exact: true }).click();
  await page.getByText("Whoever comes into collection strangers takes deployment to strangers").waitFor();
  await page.getByText("It is for 1 device: strange-1").waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  assert.equal(await stateOf("strange-1").textContent(), "enrolled, waiting");
  await page.getByRole("button", { name: "Approve plain-1", exact: true }).click();
  await says("plain-1 is approved.");
  await page.getByRole("button", { name: "Approve strange-1", exact: true }).click();
  await page.getByRole("button", { name: "Approve strange-1 all the same" }).click();
  await says("strange-1 is approved.");
  await stateOf("strange-1").getByText("enrolled", { exact: true }).waitFor();
});
