/**
 * Every view of the page by keyboard and as a screen reader meets it: axe finds no serious fault, light and dark, on a phone
 * and on a wall, and nothing is wider than the window. VOLLEY_PAGE_PICTURES=FOLDER keeps a picture of each.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, test } from "node:test";
import type { Browser, BrowserContext, Page } from "playwright-core";
import type { CollectionRecord, DeviceRecord } from "../../contract/devices.ts";
import { settingPaths, viewPaths } from "../../site/dashboard/paths.ts";
import { axe, faultsOf, openBrowser, openContext, signIn, ToldMachines } from "../fixtures/page.ts";
import { openRoom, waitFor, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";
import { volley } from "../fixtures/volley-command.ts";

const pictures = process.env["VOLLEY_PAGE_PICTURES"];
const paths = new Set<string>([...viewPaths, ...settingPaths].map((view) => view.path));

let room: Room;
let site: SiteProcess;
let machines: ToldMachines;
let browser: Browser;
/** Where somebody is signed in; others get its cookie. */
let first: BrowserContext;

before(async () => {
  room = await openRoom("page access");
  site = await room.startSite();
  const image = await site.importImage((await room.makeImage(4)).path, "Debian 12 lab");
  const deployment = await site.createDeployment({ name: "room 3", imageId: image.id });
  machines = new ToldMachines(site, deployment.id);
  paths.add(`/deployments/${deployment.id}`);
  await tellOfMachines();
  const file = fileURLToPath(new URL("../../../docs/sequences/bare-metal.xml", import.meta.url));
  const added = await volley(site, "sequence", "add", file, "--json");
  paths.add(`/sequences/${(JSON.parse(added) as { id: string }).id}`);
  browser = await openBrowser();
  first = await openContext(browser);
  await signIn(await first.newPage(), site);
});
after(async () => {
  await browser?.close();
  machines?.close();
  await room.close();
});

/** With a line of each colour. */
const logText = (failure: string): string =>
  ["Applying the image", "The rate falls", failure]
    .map(
      (text, index) =>
        `<![LOG[${text}]LOG]!><time="12:00:0${index}.000+000" date="11-23-2026" component="ApplyImage" ` +
        `context="" type="${index + 1}" thread="1" file="image.ts">\r\n`,
    )
    .join("");

async function tellOfMachines(): Promise<void> {
  const [slow, waiting, , failed] = await Promise.all(
    ["lab-01", "lab-02", "lab-03", "lab-04"].map((name) => machines.add(name)),
  );
  assert.ok(slow && waiting && failed);
  await slow.report("started", { resume: false });
  await slow.progress({ bottleneck: "disk", bytesVerified: 7.2e9, bytesPerSecond: 112e6, secondsLeft: 43 });
  await waiting.report("started", { resume: false });
  await waiting.progress({ bytesVerified: 3e9, waitingFor: "the site to answer again" });
  const detail = "the disk fails to write: pwrite on /dev/sda at byte 5242880 (chunk 5): Input/output error";
  await failed.report("failed", { error: { code: "E_DEVICE_WRITE", detail, remedy: "Replace the disk." } });
  await failed.bringLog(logText(detail));
  paths.add(`/logs/${failed.id}`).add(`/logs/${waiting.id}`).add(`/status/${failed.id}`);
  const devices = await site.client.get<DeviceRecord[]>("/devices");
  const wish = { name: "the lab", devices: devices.map(({ id }) => id) };
  const { id } = await site.client.post<CollectionRecord>("/collections", wish);
  paths.add(`/devices/${id}`).add(`/devices/${devices[0]?.id}`);
}

const kinds = ["light", "dark"].flatMap((scheme) =>
  [390, 1920].map((width) => ({ scheme: scheme as "light" | "dark", width })),
);

async function check(page: Page, name: string): Promise<string[]> {
  if (pictures !== undefined) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
  const excess = (await page.evaluate(
    "document.scrollingElement.scrollWidth - document.documentElement.clientWidth",
  )) as number;
  const wide = excess > 0 ? [`it is ${excess} pixels wider than the window`] : [];
  return [...wide, ...(await faultsOf(page))].map((fault) => `${name}: ${fault}`);
}

for (const { scheme, width } of kinds) {
  test(`no view has a serious fault, ${scheme}, ${width} pixels wide`, async () => {
    const context = await openContext(browser, {
      colorScheme: scheme,
      viewport: { width, height: width < 800 ? 844 : 1080 },
      storageState: await first.storageState(),
    });
    // Before the page's own scripts, which its policy lets in alone.
    await context.addInitScript(axe);
    const page = await context.newPage();
    const faults: string[] = [];
    for (const path of paths) {
      await page.goto(`${site.url}${path}`);
      await page.locator("main section, main .machine").first().waitFor();
      await page.getByText("4 machines: 2 working").waitFor();
      faults.push(...(await check(page, `${scheme}-${width}-${nameOf(path)}`)));
    }
    faults.push(...(await checkConfirmation(page, `${scheme}-${width}-confirmation`)));
    await context.clearCookies();
    await page.goto(`${site.url}/`);
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    faults.push(...(await check(page, `${scheme}-${width}-sign-in`)));
    await context.close();
    assert.deepEqual(faults, []);
  });
}

const nameOf = (path: string): string => path.split("/").slice(1, 3).join("-").slice(0, 20) || "room";

async function checkConfirmation(page: Page, name: string): Promise<string[]> {
  await page.goto(`${site.url}/deployments`);
  await page.getByLabel("Deployment", { exact: true }).fill("everything anew");
  await page.getByLabel("Kind").selectOption("required");
  await page.getByRole("button", { name: "Show what will happen" }).click();
  await page.getByText("High risk:").waitFor();
  return await check(page, name);
}

test("the page is used without a mouse, and a view's beginning is where the keyboard goes on", async () => {
  const page = await first.newPage();
  await page.goto(`${site.url}/`);
  await page.getByText("4 machines: 2 working").waitFor();
  const focused = (): Promise<unknown> =>
    page.evaluate("document.activeElement.id || document.activeElement.textContent");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "main");
  await page.getByRole("link", { name: "Devices" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Collections" }).waitFor();
  assert.equal(await page.title(), "Volley: devices");
  assert.equal(await focused(), "main");
  await page.goBack();
  await waitFor(async () => (await focused()) === "main", { what: "the keyboard at the view's beginning" });
  await page.getByRole("button", { name: "Failed 1" }).focus();
  await page.keyboard.press("Space");
  await page.locator(".machine").nth(1).waitFor({ state: "detached" });
  assert.deepEqual(await page.locator(".machine h3").allTextContents(), ["lab-04"]);
  await page.close();
});
