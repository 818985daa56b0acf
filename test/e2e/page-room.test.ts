/**
 * The room with 500 machines that all tell something each second. The site and the page are real; the events are the test's,
 * so that it measures the browser alone. No frame changes more tiles than a slice, and every tile ends at what was told
 * last. How long the browser was busy is printed, and not judged: other programs have the processor too.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import type { MachineRecord } from "../../contract/administration.ts";
import type { Room as RoomState } from "../../contract/room.ts";
import { openBrowser, openContext, signIn } from "../fixtures/page.ts";
import { waitFor } from "../fixtures/program.ts";
import { machineFacts } from "../fixtures/records.ts";
import { openRoom, type Room } from "../fixtures/room.ts";
import type { SiteProcess } from "../fixtures/site-process.ts";

const machineCount = 500;
const rounds = 12;
/** What site/dashboard/state/room.ts takes in one frame. */
const sliceLength = 40;
const bytesTotal = 40_000_000_000;

/** In the browser's place for events: what the test tells instead. */
const ownEvents = `
  window.EventSource = class extends EventTarget {
    constructor() { super(); window.told = this; }
    close() {}
  };
  window.tell = (data) => window.told.dispatchEvent(new MessageEvent("room", { data }));
`;
/** Counts, frame by frame, the tiles whose text changed, and what the browser calls long tasks, over 50 ms. */
const watch = `
  window.seen = { frames: 0, mostTiles: 0, longTasks: [] };
  let changed = new Set();
  new MutationObserver((records) => {
    for (const { target } of records) {
      const at = target instanceof Element ? target : target.parentElement;
      const tile = at?.closest(".machine");
      if (tile) changed.add(tile);
    }
  }).observe(document.getElementById("main"), { subtree: true, childList: true, characterData: true, attributes: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.seen.longTasks.push(Math.round(entry.duration));
  }).observe({ type: "longtask" });
  const frame = () => {
    window.seen.frames += 1;
    window.seen.mostTiles = Math.max(window.seen.mostTiles, changed.size);
    changed = new Set();
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
`;

interface Seen {
  frames: number;
  mostTiles: number;
  longTasks: number[];
}

let room: Room;
let site: SiteProcess;
let browser: Browser;
let page: Page;
before(async () => {
  room = await openRoom("page room");
  site = await room.startSite();
  browser = await openBrowser();
  const context = await openContext(browser, { viewport: { width: 1920, height: 1080 } });
  page = await context.newPage();
  await signIn(page, site);
  await page.addInitScript(ownEvents);
  await page.goto(`${site.url}/`);
});
after(async () => {
  await browser?.close();
  await room.close();
});

const ids = Array.from({ length: machineCount }, () => randomUUID());

function stateAt(round: number): RoomState {
  const time = new Date().toISOString();
  const machines = ids.map((id, index): MachineRecord => {
    const bytesVerified = 1e9 * (round + 1) + index * 1e6;
    return {
      id,
      facts: machineFacts(`lab-${String(index + 1).padStart(3, "0")}`),
      enrolled: time,
      lastSeen: time,
      deploymentId: null,
      state: "working",
      plan: null,
      progress: {
        sessionId: id,
        phase: "receiving",
        waitingFor: "",
        bottleneck: index % 9 === 0 ? "disk" : "site",
        bytesVerified,
        bytesTotal,
        multicastBytes: bytesVerified,
        unicastBytes: 0,
        repairedSymbols: round * 7,
        bytesPerSecond: 1e8 + index * 1e5,
        lossPart: (index % 50) / 1000,
        diskBytesPerSecond: 9e7 + round * 1e5,
        secondsLeft: (bytesTotal - bytesVerified) / 1e8,
      },
      outcome: null,
      error: null,
      notice: "",
    };
  });
  return {
    time,
    sessions: [],
    waiting: [],
    machines,
    deployments: [],
    images: [],
    points: [],
    devicesRevision: 1,
  };
}

const tell = (round: number): Promise<unknown> =>
  page.evaluate(`window.tell(${JSON.stringify(JSON.stringify(stateAt(round)))})`);

/** What is written on the first and on the last tile. */
const ends = async (): Promise<unknown[]> => {
  const lines = page.locator(".machine .line:not(.wait, .pace)");
  return [await lines.first().textContent(), await lines.last().textContent()];
};

test("a room of 500 machines that change each second is changed a slice in a frame, and ends right", async (context) => {
  await tell(0);
  await page
    .locator(".machine")
    .nth(machineCount - 1)
    .waitFor({ state: "attached" });
  await page.evaluate(watch);
  const session = await page.context().newCDPSession(page);
  // Processor time of the page's thread, which other programs that have the processor are no part of.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async (): Promise<Record<string, number>> => {
    const { metrics } = await session.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  const first = await busy();
  for (let round = 1; round <= rounds; round += 1) {
    await tell(round);
    await pause(1000);
  }
  const wanted = ["13.0 GB of 40.0 GB, 100.0 MB/s, 4:30 left", "13.5 GB of 40.0 GB, 149.9 MB/s, 4:25 left"];
  await waitFor(async () => (await ends()).join() === wanted.join(), {
    what: "first and last tile as they were told last",
  });
  const last = await busy();
  const seen = (await page.evaluate("window.seen")) as Seen;
  await page.locator(".machines.dense").waitFor();
  await page.getByRole("button", { name: "Dense" }).click();
  await page.locator(".machines:not(.dense)").waitFor();
  // What a person asks for once lays every tile out anew, and is told apart.
  const { longTasks } = (await page.evaluate("window.seen")) as Seen;
  const spent = (name: string): number => (last[name] ?? 0) - (first[name] ?? 0);
  context.diagnostic(
    `${rounds} rounds: ${seen.longTasks.length} tasks over 50 ms (${seen.longTasks.join(", ")}); busy ` +
      `${((spent("TaskDuration") / spent("Timestamp")) * 100).toFixed(0)} % of the time; for each round ` +
      ["Task", "Script", "RecalcStyle", "Layout"]
        .map((what) => `${what} ${((spent(`${what}Duration`) / rounds) * 1000).toFixed(0)} ms`)
        .join(", ") +
      `; as all of them were shown larger: ${longTasks.slice(seen.longTasks.length).join(", ") || "none"}`,
  );
  assert.ok(seen.mostTiles > 0 && seen.mostTiles <= sliceLength, `${seen.mostTiles} tiles in one frame`);
  // Layout is the browser's own, once in a frame: nothing on the page asks for it in between.
  assert.ok(spent("LayoutCount") <= seen.frames + rounds, `${spent("LayoutCount")} in ${seen.frames} frames`);
});
