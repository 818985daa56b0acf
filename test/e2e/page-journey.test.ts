/**
 * An administrator's first day, on the real page with real agents: the first sign-in, an image imported, a collection made, a
 * deployment that says what it will do, four machines that finish, a fifth that fails and why, and its log.
 * VOLLEY_SCREENSHOTS=FOLDER writes the pictures of docs/images there.
 */
import assert from "node:assert/strict";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { AgentProcess } from "../fixtures/agent-process.ts";
import { openBrowser, openContext, signIn } from "../fixtures/page.ts";
import { diskEquals, openRoom, type RawImage, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const pictures = process.env["VOLLEY_SCREENSHOTS"];
const imageMebibytes = 32;
/** For pictures long enough to be seen. */
const rateMbps = pictures === undefined ? 200 : 12;

let room: Room;
let site: SiteProcess;
let browser: Browser;
let page: Page;
let image: RawImage;
const agents: AgentProcess[] = [];
before(async () => {
  room = await openRoom("page journey");
  image = await room.makeImage(imageMebibytes);
  const folder = join(room.folder, "import");
  await mkdir(folder);
  await copyFile(image.path, join(folder, "debian-12-lab.raw"));
  site = await room.startSite({ words: ["--import-folder", folder] });
  browser = await openBrowser();
  const context = await openContext(browser, { viewport: { width: 1440, height: 810 } });
  page = await context.newPage();
});
after(async () => {
  await browser?.close();
  await room.close();
});

/** What the page says in passing is no picture's matter. */
async function picture(name: string, scheme: "light" | "dark" = "light"): Promise<void> {
  if (pictures === undefined) return;
  await page.emulateMedia({ colorScheme: scheme });
  await page.screenshot({ path: join(pictures, `${name}.png`) });
  await page.emulateMedia({ colorScheme: "light" });
}
const open = (view: string): Promise<void> => page.getByRole("link", { name: view, exact: true }).click();
const tile = (name: string) =>
  page.locator(".machine", { has: page.getByRole("heading", { name, exact: true }) });

test("the first sign-in, and an image imported", async () => {
  await signIn(page, site);
  // Agents wait for what is to come while the image is imported.
  for (const number of [1, 2, 3, 4, 5]) {
    const disk = await room.makeDisk(number === 5 ? imageMebibytes - 8 : imageMebibytes + 8);
    agents.push(await room.startAgent(site, { name: `lab-0${number}`, disk }));
  }
  await open("Images");
  await page.locator('select[name="path"]').selectOption("debian-12-lab.raw");
  await page.getByLabel("Name in the library").fill("Debian 12 lab");
  await page.getByRole("button", { name: "Import it" }).click();
  await page.locator("#images tr", { hasText: "Debian 12 lab" }).waitFor();
  await page.getByText("It is in the library").waitFor();
  await picture("page-images");
});

test("a task sequence is read before it is used", { skip: pictures === undefined }, async () => {
  await open("Task sequences");
  const file = fileURLToPath(new URL("../../../docs/sequences/bare-metal.xml", import.meta.url));
  await page.getByLabel("XML, or the console's .zip").setInputFiles(file);
  await page.getByLabel("Sequence's name").fill("Windows 11");
  await page.getByRole("button", { name: "Add it" }).click();
  await page.getByRole("link", { name: "Windows 11" }).click();
  await page.getByRole("heading", { name: "Windows 11, version 1" }).waitFor();
  await page
    .getByRole("button", { name: /^Windows: done another way/ })
    .first()
    .focus();
  await picture("page-sequence");
});

test("a collection, and a deployment that says what it will do and wants it confirmed", async () => {
  await page.getByText("5 machines: 0 working").waitFor();
  await open("Devices");
  await page.locator("#devices tr", { hasText: "lab-05" }).getByText("enrolled").waitFor();
  await page.getByLabel("Collection", { exact: true }).fill("Room 3");
  await page.getByLabel("Value").fill("lab-*");
  await page.getByRole("button", { name: "Make collection" }).click();
  await page.locator("#collections tr", { hasText: "lab-*" }).waitFor();
  await open("Deployments");
  await page.getByLabel("Deployment", { exact: true }).fill("Room 3, autumn");
  await page.getByLabel("What").selectOption("image Debian 12 lab");
  await page.locator('select[name="to"]').selectOption("Room 3 (5)");
  await page.getByLabel("Kind").selectOption("required");
  await page.getByLabel("Rate, Mbit/s").fill(String(rateMbps));
  await page.getByRole("button", { name: "Show what will happen" }).click();
  await page.getByText(/^It is for 5 devices: lab-0/).waitFor();
  await page.getByText("What is on one disk of each machine is lost:").waitFor();
  await page.getByText("High risk: It is for every machine of the site.").waitFor();
  await picture("page-deployment");
  await page.getByLabel("Type Room 3 to go on").fill("Room 3");
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await page.getByText("Deployment Room 3, autumn is open.").waitFor();
});

test("four machines finish, and the fifth says why it does not", async () => {
  await open("Room");
  if (pictures !== undefined) {
    for (const number of [1, 2, 3, 4]) {
      await tile(`lab-0${number}`)
        .getByText(/ left$/)
        .waitFor();
    }
    await tile("lab-05").getByText("failed", { exact: true }).waitFor();
    await page.locator(".session .plot polyline").waitFor();
    await page.waitForTimeout(3000);
    await picture("room");
    await picture("room-dark", "dark");
  }
  await page.getByText("5 machines: 0 working, 4 done, 1 failed").waitFor();
  for (const agent of agents.slice(0, 4)) {
    await agent.exits(0);
    await diskEquals(agent.disk, { ...image, bytes: imageMebibytes * 2 ** 20 });
  }
  await tile("lab-05").getByText("E_DEVICE_TOO_SMALL").waitFor();
});

test("the log of the one that failed tells it, found by its errors and by a word", async () => {
  await tile("lab-05").getByRole("link", { name: "lab-05" }).click();
  const lines = page.locator(".log tbody tr");
  const failure = lines
    .and(page.locator('[data-severity="error"]'))
    .filter({ hasText: "E_DEVICE_TOO_SMALL" });
  await failure.first().waitFor();
  await picture("page-log");
  const all = await lines.count();
  await page.getByLabel("What is shown").selectOption("Errors");
  await page.waitForFunction(`document.querySelectorAll(".log tbody tr").length < ${all}`);
  assert.equal(await lines.count(), await page.locator('.log tr[data-severity="error"]').count());
  await page.getByLabel("What is shown").selectOption("Everything");
  await page.getByRole("searchbox", { name: "Find" }).fill("starts as process");
  await page.getByText("1 of 1 found").waitFor();
  await page.locator(".log tr[aria-current]", { hasText: "volley-agent" }).waitFor();
  assert.ok(
    !((await page.locator(".log").textContent()) ?? "").includes(agents[4]?.options.credential ?? ""),
  );
});
