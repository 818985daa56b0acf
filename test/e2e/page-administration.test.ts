/**
 * What is administered on the page is so at the command line and by the API: packages and drivers, how content is sent,
 * devices with their variables and recovery passwords, and collections.
 */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Page } from "playwright-core";
import type { AuditEntry } from "../../contract/accounts.ts";
import type { DeploymentRecord, ImageRecord } from "../../contract/administration.ts";
import type { CollectionRecord } from "../../contract/devices.ts";
import type {
  DriverRecord,
  PackageRecord,
  SequenceRecord,
  SequenceVariable,
} from "../../contract/sequence.ts";
import { uploadFile } from "../../site/commands/upload.ts";
import { inf } from "../fixtures/inf-text.ts";
import { Desk, row as rowOf, says as saysOn } from "../fixtures/page-desk.ts";
import { faultsOf, openView } from "../fixtures/page.ts";
import { commandStep, sequenceText } from "../fixtures/sequence-text.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley, volleyJson } from "../fixtures/volley-command.ts";

let desk: Desk;
let site: SiteProcess;
let page: Page;
before(async () => {
  desk = await Desk.open("page administration");
  ({ page, site } = desk);
});
after(() => desk?.close());

const open = (view: string): Promise<void> => openView(page, view);
const row = (table: string, text: string) => rowOf(page, table, text);
const says = (text: string): Promise<void> => saysOn(page, text);

test("a folder of drivers becomes a package, is found by a device, is cast as chosen, and goes", async () => {
  const folder = join(desk.room.folder, "network drivers");
  // Longer than a plain tar header has room for.
  const deep = join(folder, "Intel".repeat(12), "x64".repeat(20));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, "net.inf"), inf({ hardwareIds: "PCI\\VEN_8086&DEV_15B8" }));
  writeFileSync(join(folder, "größe.txt"), "not a driver");
  await open("Packages");
  await page.getByText("There is none yet.").first().waitFor();
  await page.getByLabel("Package identifier").fill("net00001");
  await page.getByLabel("Folder", { exact: true }).setInputFiles(folder);
  await page.getByLabel("Category of its drivers").fill("Network");
  await page.getByLabel("Programs").fill("Setup=setup.exe /quiet");
  const adding = page.getByRole("form", { name: "Add a package" });
  await adding.getByRole("button", { name: "Add it" }).click();
  await says("Package NET00001 is at the site.");
  await row("packages", "NET00001").getByText("drivers (Network); installs Setup").waitFor();
  await row("packages", "NET00001").getByText("network drivers", { exact: true }).waitFor();
  await row("drivers", "net.inf").waitFor();
  const known = await volleyJson<DriverRecord[]>(
    site,
    "package",
    "drivers",
    "--device",
    "PCI\\VEN_8086&DEV_15B8",
  );
  assert.deepEqual(
    known.map(({ packageId, path }) => [packageId, path]),
    [["NET00001", `${"Intel".repeat(12)}/${"x64".repeat(20)}/net.inf`]],
  );
  await page.getByLabel("For a device's PnP identifier").fill("PCI\\VEN_10DE&DEV_1C03");
  await page.getByRole("button", { name: "Find drivers" }).click();
  await page.getByText("No package has a driver for PCI\\VEN_10DE&DEV_1C03.").waitFor();
  assert.deepEqual(await faultsOf(page), []);

  await page.getByLabel("How NET00001 is sent").selectOption("multicast only");
  await says("Package NET00001 is sent by multicast only, in sessions from now on.");
  await page.getByRole("button", { name: "Encrypt NET00001", exact: true }).click();
  await says("Package NET00001 is cast encrypted, in sessions from now on.");
  const [added] = await volleyJson<PackageRecord[]>(site, "package", "list");
  assert.deepEqual([added?.multicast, added?.encrypt, added?.driverCategory], ["only", true, "Network"]);
  await page.getByLabel("How NET00001 is sent").selectOption("unicast");
  await says("Package NET00001 is sent by unicast, encrypted");
  await page.getByRole("button", { name: "Share NET00001" }).click();
  await says("Package NET00001 is for every enrolled machine.");
  await row("packages", "NET00001").getByText("shared with every machine").waitFor();
  await page.getByRole("button", { name: "Remove NET00001" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await says("Package NET00001 is removed.");
  assert.deepEqual(await site.client.get<PackageRecord[]>("/packages"), []);
});

test("a file and an image of the library become packages", async () => {
  const file = join(desk.room.folder, "install.wim");
  writeFileSync(file, Buffer.alloc(3 << 20, 7));
  const adding = page.getByRole("form", { name: "Add a package" });
  await adding.locator('select[name="kind"]').selectOption("one file, as a WIM");
  await adding.getByLabel("Package identifier").fill("WIM00001");
  await adding.getByLabel("File", { exact: true }).setInputFiles(file);
  await adding.getByLabel("Sent by").selectOption("unicast");
  await adding.getByRole("button", { name: "Add it" }).click();
  await says("Package WIM00001 is at the site.");
  await adding.locator('select[name="kind"]').selectOption("an image of the library");
  await adding.getByLabel("Package identifier").fill("IMG00001");
  await adding.getByRole("button", { name: "Add it" }).click();
  await says("Package IMG00001 is at the site.");
  await row("packages", "IMG00001").getByText("image Debian 12 lab").waitFor();
  const packages = await site.client.get<PackageRecord[]>("/packages");
  const facts = packages.map(({ bytes, imageId, kind, packageId }) => [packageId, kind, bytes, imageId]);
  assert.deepEqual(
    facts.toSorted(([one], [other]) => String(one).localeCompare(String(other))),
    [
      ["IMG00001", "image", desk.image.bytes, desk.image.id],
      ["WIM00001", "file", 3 << 20, null],
    ],
  );
});

test("how an image is sent is chosen where it is listed", async () => {
  await open("Images");
  await page.getByLabel("How Debian 12 lab is sent").selectOption("multicast only");
  await says("Debian 12 lab is sent by multicast only, in sessions from now on.");
  await page.getByRole("button", { name: "Encrypt Debian 12 lab" }).click();
  await says("Debian 12 lab is cast encrypted, in sessions from now on.");
  const [shown] = await volleyJson<ImageRecord[]>(site, "image", "list");
  assert.deepEqual([shown?.multicast, shown?.encrypt], ["only", true]);
  await page.getByLabel("How Debian 12 lab is sent").selectOption("multicast");
  await says("Debian 12 lab is sent by multicast, encrypted, in sessions from now on.");
  await page.getByRole("button", { name: "Do not encrypt Debian 12 lab" }).click();
  await says("Debian 12 lab is cast without encryption, in sessions from now on.");
});

test("a device is made known, has variables of its own, and a secret one survives a change of another", async () => {
  await open("Devices");
  await page.getByLabel("Computer's name").fill("front desk");
  await page.getByLabel("MAC address").fill("52:54:00:00:79:01");
  await page.getByRole("button", { name: "Add device" }).click();
  await says("Computer front desk is known.");
  await page.getByRole("link", { name: "lab-01" }).click();
  await page.getByRole("heading", { name: "lab-01" }).waitFor();
  const set = async (name: string, value: string, isSecret: boolean): Promise<void> => {
    await page.getByLabel("Variable", { exact: true }).fill(name);
    await page.getByLabel("Its value").fill(value);
    if (isSecret) await page.getByLabel("Secret: stored encrypted").check();
    await page.getByRole("button", { name: "Set it" }).click();
    await says(`${name} is set`);
  };
  await set("OSDJoinPassword", "three blind mice", true);
  await set("OSDComputerName", "LAB-01", false);
  await row("variables", "OSDJoinPassword").getByText("hidden", { exact: true }).waitFor();
  await row("variables", "OSDComputerName").getByText("LAB-01").waitFor();
  assert.ok(!(await page.content()).includes("three blind mice"));
  const file = join(desk.room.folder, "variables");
  writeFileSync(file, "Room=3\n");
  await volley(site, "device", "variables", "lab-01", "--variables", file, "--keep");
  const shown = await volleyJson<SequenceVariable[]>(site, "device", "variables", "lab-01");
  assert.deepEqual(
    shown.map(({ hidden, name, value }) => [name, value, hidden]),
    [
      ["OSDJoinPassword", "", true],
      ["OSDComputerName", "LAB-01", false],
      ["Room", "3", false],
    ],
  );
  await page.reload();
  await page.getByRole("button", { name: "Remove variable OSDComputerName" }).click();
  await says("OSDComputerName is taken away.");
  const joined = await desk.machine.join(desk.deploymentId, { resume: false });
  assert.equal(joined.status, 200);
  const own = (await desk.machine.variables(desk.deploymentId)).json as SequenceVariable[];
  assert.deepEqual(
    own.map(({ name, value }) => [name, value]),
    [
      ["OSDJoinPassword", "three blind mice"],
      ["Room", "3"],
    ],
  );
  assert.deepEqual(await faultsOf(page), []);
});

test("recovery passwords are shown when they are asked for, and the audit log says who looked", async () => {
  const password = Array.from({ length: 8 }, () => "123456").join("-");
  const id = "{01234567-89AB-CDEF-0123-456789ABCDEF}";
  assert.equal(
    (await desk.machine.keepRecoveryKey(desk.deploymentId, { drive: "C:", id, password })).status,
    204,
  );
  const looks = async (): Promise<number> =>
    (await site.client.get<AuditEntry[]>("/audit")).filter(({ action }) => action.includes("recovery-keys"))
      .length;
  assert.equal(await looks(), 0);
  await page.getByRole("button", { name: "Show recovery passwords of lab-01" }).click();
  await row("recovery-keys", id).getByText(password).waitFor();
  await row("recovery-keys", id).getByText("room 3").waitFor();
  assert.equal(await looks(), 1);
  const kept = await volleyJson<{ password: string }[]>(site, "device", "recovery-keys", "lab-01");
  assert.deepEqual(
    kept.map((key) => key.password),
    [password],
  );
});

test("what the site keeps of users' files is seen, and dropped", async () => {
  const path = join(desk.room.folder, "one.xml");
  writeFileSync(path, sequenceText(commandStep("One", "true")));
  const uploadId = await uploadFile(site.client, path, true);
  const wish = { name: "one", fileName: "one.xml", uploadId };
  const { id: sequenceId } = await site.client.post<SequenceRecord>("/sequences", wish);
  const migration = await site.createDeployment({ name: "migration", imageId: null, sequenceId });
  await page.getByText("The site keeps nothing of its users' files.").waitFor();
  await desk.machine.migrate(migration.id, Buffer.alloc(5000, "x"), false);
  await page.reload();
  await page.getByText("5.0 KB of its users' files, encrypted: not brought back yet").waitFor();
  await desk.machine.migrate(migration.id, Buffer.alloc(6000, "y"), true);
  assert.match(
    await volley(site, "machine", "state", "lab-01"),
    /^6\.0 KB of its users' files, encrypted: brought back, and kept until \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$/m,
  );
  await page.reload();
  await page.getByRole("button", { name: "Drop the user state of lab-01" }).click();
  await says("The user state of lab-01 is gone from the site.");
  await page.getByText("The site keeps nothing of its users' files.").waitFor();
  const kept = await volleyJson<{ kept: unknown }>(site, "machine", "state", "lab-01");
  assert.equal(kept.kept, null);
  await site.client.remove(`/deployments/${migration.id}`);
});

test("a deployment of a task sequence is given variables, of which secret ones are its machines' alone", async () => {
  await open("Deployments");
  await page.getByLabel("Deployment", { exact: true }).fill("with variables");
  await page.locator('select[name="what"]').selectOption("task sequence one");
  await page.locator('select[name="to"]').selectOption("all machines");
  await page.locator('select[name="children"]').selectOption("one");
  await page.locator('textarea[name="variables"]').fill("Room=3\n\nBuilding=east = west");
  await page.locator('textarea[name="secrets"]').fill("no secret");
  await page.getByRole("button", { name: "Show what will happen" }).click();
  await says("Line 1 is not of the form NAME=VALUE.");
  await page.locator('textarea[name="secrets"]').fill("JoinPassword=three blind mice");
  await page.getByRole("button", { name: "Show what will happen" }).click();
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await says("Deployment with variables is open.");
  const made = (await site.client.get<DeploymentRecord[]>("/deployments")).find(
    ({ name }) => name === "with variables",
  );
  assert.equal(made?.children?.length, 1);
  const given = (await desk.machine.deploymentVariables(made?.id ?? "")).json as SequenceVariable[];
  assert.deepEqual(
    given.map(({ hidden, name, value }) => [name, value, hidden]),
    [
      ["Room", "3", false],
      ["Building", "east = west", false],
      ["JoinPassword", "three blind mice", true],
    ],
  );
  await site.client.remove(`/deployments/${made?.id}`);
});

test("a collection's rule of several conditions, its members and its variables are changed", async () => {
  await open("Devices");
  const making = page.locator("form", {
    has: page.getByRole("button", { name: "Make collection" }),
  });
  await making.getByLabel("Collection", { exact: true }).fill("the lab");
  await making.getByLabel("Value", { exact: true }).fill("lab-*");
  await making.getByRole("button", { name: "One more condition" }).click();
  await making.getByLabel("Value 2").fill("lobby-*");
  await making.getByLabel("Who is in it").selectOption("whoever meets one of them");
  await making.getByRole("button", { name: "Make collection" }).click();
  await page.getByRole("link", { name: "the lab" }).click();
  await row("members", "lab-01").getByText("by rule").waitFor();
  const changing = page.getByRole("form", { name: "Change the collection" });
  await changing.getByLabel("Put in by name").selectOption("front desk");
  await changing.getByLabel("Value 2").fill("hall-*");
  await changing.getByRole("button", { name: "Save" }).click();
  await says("Collection the lab is changed.");
  await row("members", "front desk").getByText("by name").waitFor();
  await page.getByLabel("Variable", { exact: true }).fill("Room");
  await page.getByLabel("Its value").fill("three");
  await page.getByRole("button", { name: "Set it" }).click();
  await says("Room is set");
  const collection = await volleyJson<CollectionRecord>(site, "collection", "show", "the lab");
  assert.deepEqual(collection.rule, {
    match: "any",
    conditions: [
      { fact: "name", operator: "like", value: "lab-*" },
      { fact: "name", operator: "like", value: "hall-*" },
    ],
  });
  assert.deepEqual(collection.members.map(({ name }) => name).toSorted(), ["front desk", "lab-01"]);
  const variables = await volleyJson<SequenceVariable[]>(site, "collection", "variables", "the lab");
  assert.deepEqual(variables, [{ name: "Room", value: "three", hidden: false }]);
  await page.getByRole("button", { name: "Take out front desk" }).click();
  await row("members", "front desk").waitFor({ state: "detached" });
  assert.deepEqual(await faultsOf(page), []);
});
