/**
 * An administrator without a mouse: an image imported, a collection made, a deployment shown, confirmed and closed, a token
 * made, an image removed. Every step is found by the Tab key, the focus can be seen, and axe finds no serious fault in what
 * each of them opens.
 */
import assert from "node:assert/strict";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { Browser, Locator, Page } from "playwright-core";
import { faultsOf, openSignedIn } from "../fixtures/page.ts";
import { openRoom, type Room } from "../fixtures/room.ts";

/** More stops than any view has. */
const stopsMost = 150;
/** After which a list takes a letter as the first of another word. */
const typingPauseMs = 2000;

let room: Room;
let browser: Browser;
let page: Page;
before(async () => {
  room = await openRoom("page keyboard");
  const folder = join(room.folder, "to import");
  await mkdir(folder);
  await copyFile((await room.makeImage(4)).path, join(folder, "debian.raw"));
  const site = await room.startSite({ words: ["--import-folder", folder] });
  ({ browser, page } = await openSignedIn(site));
});
after(async () => {
  await browser?.close();
  await room.close();
});

const button = (name: string): Locator => page.getByRole("button", { name, exact: true });
const field = (name: string): Locator => page.getByLabel(name, { exact: true });
/** Its label holds its options' texts too. */
const list = (name: string): Locator => page.locator(`select[name="${name}"]`);

const hasFocus = (target: Locator): Promise<boolean> =>
  target.evaluate((element: { matches(selector: string): boolean }) => element.matches(":focus"));

/** Presses Tab until the focus is there, and says that it can be seen. */
async function tabTo(target: Locator): Promise<void> {
  await target.waitFor();
  for (let stop = 0; stop < stopsMost; stop += 1) {
    if (await hasFocus(target)) {
      const outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle");
      assert.notEqual(outline, "none", `the focus on ${target.toString()} cannot be seen`);
      return;
    }
    await page.keyboard.press("Tab");
  }
  assert.fail(`${stopsMost} times Tab did not lead to ${target.toString()}`);
}
async function press(target: Locator): Promise<void> {
  await tabTo(target);
  await page.keyboard.press("Enter");
}
async function type(target: Locator, text: string): Promise<void> {
  await tabTo(target);
  await page.keyboard.type(text);
}
/** By the first letters of the option, as a closed list takes them. */
async function choose(target: Locator, text: string): Promise<void> {
  let chosen = "";
  // A pause between two letters begins a new word.
  for (let tries = 0; tries < 3 && !chosen.startsWith(text); tries += 1) {
    await delay(tries * typingPauseMs);
    await type(target, text);
    chosen = (await target.locator("option:checked").textContent()) ?? "";
  }
  assert.ok(chosen.startsWith(text), `${chosen} is chosen, not ${text}`);
}
const followLink = (title: string): Promise<void> =>
  press(page.locator("nav").getByRole("link", { name: title, exact: true }));
/** Ends where a view's beginning has taken the focus. */
async function open(view: string): Promise<void> {
  await followLink(view);
  await page.locator("main:focus").waitFor();
}
async function hasNoFault(what: string): Promise<void> {
  assert.deepEqual(await faultsOf(page), [], what);
}

test("an image is imported by keyboard", async () => {
  await open("Images");
  await choose(list("path"), "debian.raw");
  await type(field("Name in the library"), "lab");
  await hasNoFault("the form of an import");
  await press(button("Import it"));
  await page.getByText("It is in the library").waitFor();
  await hasNoFault("an import that is done");
});

test("a collection is made by keyboard, and a credential", async () => {
  await open("Devices");
  await type(field("Collection"), "Room 3");
  await choose(list("operator"), "is like");
  await type(field("Value"), "lab-*");
  await press(button("Make collection"));
  await page.locator("#collections tr", { hasText: "lab-*" }).waitFor();
  await press(button("Make credential"));
  await page.getByText(/^The credential is/).waitFor();
  await hasNoFault("a credential that is shown");
});

test("a deployment is described, shown, confirmed by its typed name, and closed by keyboard", async () => {
  await open("Deployments");
  await type(field("Deployment"), "everything anew");
  await choose(list("what"), "image lab");
  await choose(list("to"), "all machines");
  await choose(list("purpose"), "required");
  await type(field("Rate, Mbit/s"), "100");
  await choose(list("policy"), "get streams");
  await type(field("Streams"), "3");
  await tabTo(field("Nobody is asked"));
  await page.keyboard.press("Space");
  await hasNoFault("the form of a deployment");
  await press(button("Show what will happen"));
  const confirmation = page.getByLabel(/^Type .* to go on$/);
  await confirmation.waitFor();
  await hasNoFault("what will happen");
  // The question is where the keyboard is, and its own label says what is to be typed.
  const label = (await page.locator(".confirmation .field span").textContent()) ?? "";
  await type(confirmation, /^Type (.*) to go on$/.exec(label)?.[1] ?? "");
  await page.keyboard.press("Enter");
  await page.getByText("Deployment everything anew is open.").waitFor();
  await hasNoFault("a deployment that is open");
  await press(button("Close everything anew"));
  await page.getByRole("dialog").waitFor();
  await hasNoFault("the question before a deployment is closed");
  await press(button("Close it"));
  await page.locator("#deployments tr", { hasText: "required, closed" }).waitFor();
});

test("a token is made and shown by keyboard", async () => {
  await open("Settings");
  await followLink("Access");
  await type(field("Token name"), "inventory");
  await press(button("Make token"));
  await button("Revoke inventory").waitFor();
  await hasNoFault("a token that is shown");
});

test("a question before a removal takes the keyboard, keeps it, and gives it back", async () => {
  await open("Images");
  const remove = button("Remove lab");
  await press(remove);
  const dialog = page.getByRole("dialog");
  await dialog.waitFor();
  await hasNoFault("an image in use");
  for (let stop = 0; stop < 4; stop += 1) {
    const inside = await page.evaluate(
      "document.activeElement === document.body || document.activeElement.closest('dialog') !== null",
    );
    assert.ok(inside, "Tab leaves the question");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.ok(await hasFocus(remove));
});
