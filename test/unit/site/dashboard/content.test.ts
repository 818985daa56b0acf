/** What the page says of imports that go on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageRecord, ImportState, WimEdition } from "../../../../contract/administration.ts";
import {
  editionText,
  endText,
  withLook,
  workPart,
  workText,
} from "../../../../site/dashboard/words/content.ts";

const work = (bytesDone: number, state: ImportState["state"] = "running"): ImportState => ({
  id: "1",
  name: "lab",
  began: "2026-11-22T10:00:00.000Z",
  state,
  bytesDone,
  bytesTotal: 12e9,
  image: null,
  editions: [],
  error: null,
});

test("the rate and the time left are of the last ten seconds", () => {
  let looks: ReturnType<typeof withLook> = new Map();
  assert.equal(workText(work(0), []), "0.0 %, 0 B of 12.0 GB");
  // Fast at first, then 100 MB a second.
  for (const [second, done] of [
    [0, 0],
    [1, 4e9],
    [6, 4.5e9],
    [11, 5e9],
  ] as const) {
    looks = withLook(looks, [work(done)], second * 1000);
  }
  assert.equal(workText(work(5e9), looks.get("1") ?? []), "41.7 %, 5.0 GB of 12.0 GB, 100.0 MB/s, 1:10 left");
  looks = withLook(looks, [work(5e9)], 22_000);
  assert.equal(workText(work(5e9), looks.get("1") ?? []), "41.7 %, 5.0 GB of 12.0 GB");
  looks = withLook(looks, [work(5e9)], 23_000);
  assert.match(workText(work(5e9), looks.get("1") ?? []), /nothing in the last seconds$/);
  assert.equal(withLook(looks, [work(12e9, "done")], 24_000).size, 0);
});

test("an image of a Windows that was not generalised says so", () => {
  const image = { contentBytes: 5e9 } as ImageRecord;
  const edition: WimEdition = {
    index: 1,
    name: "Windows 11 Pro",
    edition: "Professional",
    version: "10.0.22621.1",
    architecture: "amd64",
    languages: ["en-US"],
    bytes: 9e9,
    entries: 100_000,
    sysprep: "not generalised",
  };
  const done = (editions: WimEdition[]): string => endText({ ...work(12e9, "done"), image, editions });
  assert.match(done([edition]), /^It is in the library.*not generalised: computers made of it share/);
  assert.equal(done([{ ...edition, sysprep: "generalised" }]), done([]));
  assert.equal(editionText(edition), "Professional 10.0.22621.1 amd64");
});

test("what is not known yet is not guessed, and what failed says what to do", () => {
  assert.equal(workText({ ...work(0), bytesTotal: 0 }, []), "looking at it");
  assert.equal(workPart({ ...work(0), bytesTotal: 0 }), 0);
  assert.equal(workPart(work(0, "done")), 1);
  const error = { code: "E_IMAGE_FORMAT", detail: "It is none.", remedy: "Convert it." };
  assert.equal(endText({ ...work(0, "failed"), error }), "E_IMAGE_FORMAT: It is none. Convert it.");
});
