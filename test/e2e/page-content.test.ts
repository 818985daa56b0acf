/**
 * Content on the page: images imported from the site's own folder, verified, and removed when nothing uses them; task
 * sequences added, and shown as a tree.
 */
import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import type { ImageRecord } from "../../contract/administration.ts";
import { openBrowser, openContext, signIn } from "../fixtures/page.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { completeWindows, writeWim, writeWindows } from "../fixtures/windows-image.ts";

let room: Room;
let site: SiteProcess;
let browser: Browser;
let page: Page;
before(async () => {
  room = await openRoom("page content");
  const folder = join(room.folder, "to import");
  await mkdir(join(folder, "labs"), { recursive: true });
  await copyFile((await room.makeImage(24)).path, join(folder, "labs", "debian.raw"));
  const systems = ["one", "two"].map((marker) => {
    const windows = join(room.folder, `windows-${marker}`);
    writeWindows(windows, marker);
    completeWindows(windows, { generalised: marker === "two" });
    return windows;
  });
  writeWim(join(folder, "install.wim"), systems);
  site = await room.startSite({ words: ["--import-folder", folder] });
  browser = await openBrowser();
  page = await (await openContext(browser)).newPage();
  await signIn(page, site);
});
after(async () => {
  await browser?.close();
  await room.close();
});

const row = (name: string) => page.locator("#images tr", { hasText: name });
const work = (title: string) =>
  page.locator(".work", { has: page.getByRole("heading", { name: title, exact: true }) });

test("an image is imported from the site's folder, and verified, and says how that went", async () => {
  await page.getByRole("link", { name: "Images" }).click();
  await page.getByText("There is none yet.").waitFor();
  await page.locator('select[name="path"]').selectOption("labs/debian.raw");
  await page.getByLabel("Name in the library").fill("Debian 12 lab");
  await page.getByRole("button", { name: "Import it" }).click();
  await work("Import of Debian 12 lab").getByText("It is in the library").waitFor();
  await row("Debian 12 lab").getByText("25.2 MB").waitFor();
  await row("Debian 12 lab").getByText("nothing", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Verify Debian 12 lab" }).click();
  await work("Verification of Debian 12 lab").getByText("Every chunk is right").waitFor();
});

test("an image that is in use says by whom, and one that is not goes when that is confirmed", async () => {
  const [image] = await site.client.get<{ id: string }[]>("/images");
  const deployment = await site.createDeployment({ name: "room 3", imageId: image?.id ?? "" });
  await row("Debian 12 lab").getByText("deployment room 3").waitFor();
  await page.getByRole("button", { name: "Remove Debian 12 lab" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Without it these could deploy nothing: deployment room 3.").waitFor();
  assert.equal(await dialog.getByRole("button").count(), 1);
  await dialog.getByRole("button", { name: "Close" }).click();
  await site.client.remove(`/deployments/${deployment.id}`);
  await row("Debian 12 lab").getByText("nothing", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Remove Debian 12 lab" }).click();
  await dialog.getByText("No deployment and no package uses it.").waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Remove Debian 12 lab" }).click();
  await dialog.getByRole("button", { name: "Remove it" }).click();
  await page.getByText("Image Debian 12 lab is removed.").waitFor();
  await page.getByText("There is none yet.").waitFor();
});

test("a WIM of several images says which it holds, and one of them is imported for disks of 4096", async () => {
  await page.getByRole("link", { name: "Images" }).click();
  await page.locator('select[name="path"]').selectOption("install.wim");
  await page.getByLabel("Name in the library").fill("Windows 11 lab");
  await page.getByLabel("It becomes").selectOption("volume");
  await page.getByLabel("For disks with sectors of").selectOption("4096");
  await page.getByRole("button", { name: "Import it" }).click();
  await page.getByText("install.wim holds 2 images. Which one is to be imported?").waitFor();
  const edition = (name: string) => page.locator("#editions tr", { hasText: name });
  await edition("Image 1").getByText("not generalised", { exact: true }).waitFor();
  await edition("Image 2").getByText("generalised", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Import image 2, Image 2" }).click();
  await row("Windows 11 lab").waitFor();
  await page.locator("#editions").waitFor({ state: "detached" });
  const images = await site.client.get<ImageRecord[]>("/images");
  const image = images.find(({ name }) => name === "Windows 11 lab");
  assert.equal(image?.sectorBytes, 4096);
  await site.client.remove(`/images/${image.id}`);
});

test("a task sequence is added and read as a tree, with conditions in words and what each system does", async () => {
  await page.getByRole("link", { name: "Task sequences" }).click();
  await page.getByText("There is none yet.").waitFor();
  const file = fileURLToPath(new URL("../../../docs/sequences/bare-metal.xml", import.meta.url));
  for (const version of [1, 2]) {
    await page.getByLabel("XML, or the console's .zip").setInputFiles(file);
    await page.getByLabel("Sequence's name").fill("Windows 11");
    await page.getByRole("button", { name: "Add it" }).click();
    await page.getByText(`Version ${version} of Windows 11 is at the site.`).waitFor({ timeout: 90_000 });
  }
  await page.getByRole("link", { name: "Windows 11" }).click();
  await page.getByRole("heading", { name: "Windows 11, version 2" }).waitFor();
  const group = page.locator(".sequence details").first();
  const step = group.locator(".step", { hasText: "Partition Disk 0 - UEFI" });
  await step.getByText('if _SMSTSClientCache is not set and _SMSTSBootUEFI is "true"').waitFor();
  await group.locator(".step", { hasText: "Apply Driver Package" }).getByText("disabled").waitFor();
  await page.getByText("The variable APP01 is read").waitFor();
  const reason = step.getByText("the file says that the step runs only in Windows PE").last();
  await reason.waitFor({ state: "hidden" });
  await step.getByRole("button", { name: /^Linux: not done: / }).focus();
  await reason.waitFor({ state: "visible" });
  await group.locator("summary").first().click();
  await step.waitFor({ state: "hidden" });
  await page.reload();
  await page.getByRole("heading", { name: "Windows 11, version 2" }).waitFor();
  await page.getByRole("link", { name: "All task sequences" }).click();
  await page.getByRole("button", { name: "Remove Windows 11" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await page.locator("#sequences tr", { hasText: "Windows 11" }).getByText("1", { exact: true }).waitFor();
});

test("a file of one's own computer is brought to the site past a lost answer, and imported; none is overwritten", async () => {
  await page.getByRole("link", { name: "Images" }).click();
  const { path } = await room.makeImage(8);
  const bytes = await readFile(path);
  const bringing = page.getByRole("form", { name: "Bring a file of this computer" });
  await bringing.getByText("A large image is better copied to").waitFor();
  const bring = async (name: string): Promise<void> => {
    const file = { name, mimeType: "application/octet-stream", buffer: bytes };
    await bringing.getByLabel("File of this computer").setInputFiles(file);
    await bringing.getByRole("button", { name: "Bring it" }).click();
  };
  await bring("notes.txt");
  await page.getByText("The name notes.txt does not say what the image is.").waitFor();
  let lost = 0;
  await page.route("**/api/v1/uploads/*/3145728", async (route) => {
    lost += 1;
    // The site has the piece, and the page does not hear of it.
    await route.fetch();
    await (lost === 1 ? route.abort() : route.continue());
  });
  await bring("own.raw");
  await page.getByText("own.raw is at the site, and can be imported.").waitFor();
  assert.equal(lost, 2);
  const folder = join(room.folder, "to import");
  const held = await readdir(folder);
  assert.ok(held.includes("own.raw"));
  await bring("own.raw");
  await page.getByText("There is a file own.raw in").waitFor();
  assert.deepEqual((await readdir(folder)).toSorted(), held.toSorted());
  assert.deepEqual(await readFile(join(folder, "own.raw")), bytes);
  await page.locator('select[name="path"]').selectOption("own.raw");
  await page.getByRole("button", { name: "Import it" }).click();
  await work("Import of own").getByText("It is in the library").waitFor();
});

test("whoever signs in imports nothing from elsewhere on the site's machine", async () => {
  const path = join(site.folder, "admin-token");
  const answer = (await page.evaluate(`(async () => {
    const me = await (await fetch("/api/v1/me")).json();
    const answer = await fetch("/api/v1/images", {
      method: "POST",
      headers: { "content-type": "application/json", "x-volley-page": me.pageMark },
      body: ${JSON.stringify(JSON.stringify({ path, format: "raw" }))},
    });
    return { status: answer.status, code: (await answer.json()).code };
  })()`)) as object;
  assert.deepEqual(answer, { status: 403, code: "E_FORBIDDEN" });
});
