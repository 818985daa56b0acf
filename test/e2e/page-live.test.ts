/**
 * Views that are open change by what others do: devices and collections that come and go, and a distribution point in
 * another building with an image on its way to it. Nobody touches the page meanwhile.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import type { CollectionRecord, DeviceRecord } from "../../contract/devices.ts";
import { bytesText } from "../../site/quantities.ts";
import { EnrolledMachine } from "../fixtures/enrolled-machine.ts";
import { faultsOf, openSignedIn, openView, pageWaitMs } from "../fixtures/page.ts";
import { PointProcess } from "../fixtures/point-process.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

let room: Room;
let site: SiteProcess;
let point: PointProcess | null = null;
let browser: Browser;
let page: Page;
before(async () => {
  room = await openRoom("page live");
  site = await room.startSite({ words: ["--port-range", "41500-41530"] });
  ({ browser, page } = await openSignedIn(site));
});
after(async () => {
  await browser?.close();
  await point?.kill();
  await room.close();
});

const open = (view: string): Promise<void> => openView(page, view);
/** Whoever loads the page again, or clicks on it, takes this away. */
const mark = (): Promise<unknown> => page.evaluate("window.isUntouched = true");
const isUntouched = (): Promise<unknown> => page.evaluate("window.isUntouched === true");

test("devices and collections come, change and go while they are looked at", async () => {
  await open("Devices");
  await page.getByText("None is known yet.").waitFor();
  await mark();
  const device = await site.client.post<DeviceRecord>("/devices", {
    name: "front desk",
    mac: "52:54:00:00:78:01",
  });
  const row = page.locator("#devices tr", { hasText: "52:54:00:00:78:01" });
  await row.getByText("approved").waitFor();
  await site.client.post(`/devices/${device.id}/state`, { state: "refused" });
  await row.getByText("refused").waitFor();
  const collection = await site.client.post<CollectionRecord>("/collections", {
    name: "desks",
    devices: [device.id],
  });
  await page.locator("#collections tr", { hasText: "1: front desk" }).waitFor();
  await site.client.remove(`/collections/${collection.id}`);
  await page.locator("#collections tr", { hasText: "desks" }).waitFor({ state: "detached" });
  await site.client.remove(`/devices/${device.id}`);
  await row.waitFor({ state: "detached" });

  const machine = await EnrolledMachine.enrol(site, "pc-7");
  const enrolled = page.locator("#devices tr", { hasText: "pc-7" });
  await enrolled.getByText("enrolled").waitFor();
  const lastSeen = enrolled.locator("td").nth(5);
  const enrolledAt = (await lastSeen.textContent()) ?? "";
  assert.match(enrolledAt, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
  // Whatever the machine says next is later than its enrolment by a second.
  for (const endMs = Date.now() + pageWaitMs; (await lastSeen.textContent()) === enrolledAt;) {
    assert.ok(Date.now() < endMs, "when it was seen is what it was at its enrolment");
    await page.waitForTimeout(500);
    await machine.policy();
  }
  machine.close();
  assert.equal(await isUntouched(), true);
});

test("a point in another building shows what comes to it, how fast and how long still, and that it is gone", async () => {
  const image = await room.makeImage(24);
  const record = await site.importImage(image.path, "lab");
  // A quarter of a minute, so that there is a middle.
  const copyMbps = Math.ceil((record.contentBytes * 8) / 15e6);
  const whole = bytesText(record.contentBytes);
  await open("Buildings");
  await page.getByText("There is none: the site itself sends to every machine.").waitFor();
  await mark();
  point = new PointProcess(site, {
    name: "annexe",
    address: "127.0.0.2",
    boundaries: ["127.9.0.0/16"],
    folder: join(room.folder, "annexe"),
    copyMbps,
    properties: { portRange: "41540-41570", groupRange: "239.9.0.0/16" },
  });
  await point.start();
  const section = page.locator("section", {
    has: page.getByRole("heading", { name: "annexe", exact: true }),
  });
  await section.getByText("here", { exact: true }).waitFor();
  await section.getByText("127.9.0.0/16").waitFor();
  await section.getByText(`at any hour, at most ${copyMbps} Mbit/s`).waitFor();
  await section.getByText("Nothing is to be there.").waitFor();
  await site.client.post(`/images/${record.id}/points`, { add: [point.id] });
  const copy = section.locator(".work", { hasText: "lab" });
  await copy.getByText(new RegExp(`^\\d+\\.\\d % of ${whole}, [\\d.]+ [KM]B/s, \\d+:\\d\\d left$`)).waitFor();
  assert.deepEqual(await faultsOf(page), []);
  await copy.getByText(`${whole}, verified`).waitFor();
  await copy.getByText("there", { exact: true }).waitFor();
  await point.kill();
  await section.getByText(/^silent since 20/).waitFor();
  assert.equal(await isUntouched(), true);
});
