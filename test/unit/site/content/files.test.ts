/** The file library: uploads in pieces, what is refused, and what a restart finds. */
import assert from "node:assert/strict";
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { limits } from "../../../../contract/limits.ts";
import { FileLibrary } from "../../../../site/content/files.ts";
import { testFolder } from "../../../fixtures/folder.ts";

const admin = null;
const most = limits.uploadBytesMost;

function openLibrary(context: TestContext) {
  const folder = join(testFolder(context), "files");
  const library = new FileLibrary(folder);
  library.recover(new Set());
  context.after(() => library.stop());
  return { folder, library };
}

const announce = (bytes: Buffer) => ({
  bytes: bytes.length,
  hash: createHash("sha256").update(bytes).digest("hex"),
});

test("a file comes in pieces, also twice, and is read back in pieces", async (context) => {
  const { folder, library } = openLibrary(context);
  const bytes = randomBytes(2.5 * limits.filePieceBytes);
  const { id } = await library.begin(admin, announce(bytes));
  for (let offset = 0; offset < bytes.length; offset += limits.filePieceBytes) {
    const piece = bytes.subarray(offset, offset + limits.filePieceBytes);
    await library.receive(admin, id, offset, piece);
    const again = await library.receive(admin, id, offset, piece);
    assert.equal(again.received, offset + piece.length);
  }
  const file = await library.take(admin, id, most);
  assert.deepEqual(file, { id, ...announce(bytes) });
  assert.deepEqual(readdirSync(folder), [id]);
  const pieces: Buffer[] = [];
  for (let offset = 0; ; offset += limits.filePieceBytes) {
    const piece = await library.read(id, offset);
    if (piece.length === 0) break;
    pieces.push(piece);
  }
  assert.deepEqual(Buffer.concat(pieces), bytes);
  library.remove(id);
  await assert.rejects(library.read(id, 0), { code: "E_CONTENT_READ" });
});

const bytes = Buffer.from("twelve bytes");
const refusals = [
  {
    what: "a piece out of order",
    code: "E_CONFLICT",
    work: async (library: FileLibrary, id: string) => library.receive(admin, id, 4, bytes.subarray(4)),
  },
  {
    what: "more than was announced",
    code: "E_REQUEST_INVALID",
    work: async (library: FileLibrary, id: string) =>
      library.receive(admin, id, 0, Buffer.concat([bytes, bytes])),
  },
  {
    what: "less than was announced",
    code: "E_REQUEST_INVALID",
    work: async (library: FileLibrary, id: string) => {
      await library.receive(admin, id, 0, bytes.subarray(1));
      return library.take(admin, id, most);
    },
  },
  {
    what: "other bytes than were announced",
    code: "E_REQUEST_INVALID",
    work: async (library: FileLibrary, id: string) => {
      await library.receive(admin, id, 0, Buffer.from("TWELVE BYTES"));
      return library.take(admin, id, most);
    },
  },
  {
    what: "more than may be taken",
    code: "E_REQUEST_INVALID",
    work: async (library: FileLibrary, id: string) => {
      await library.receive(admin, id, 0, bytes);
      return library.take(admin, id, bytes.length - 1);
    },
  },
  {
    what: "another's upload",
    code: "E_NOT_FOUND",
    work: async (library: FileLibrary, id: string) => library.receive(randomUUID(), id, 0, bytes),
  },
  {
    what: "an upload that is used up",
    code: "E_NOT_FOUND",
    work: async (library: FileLibrary, id: string) => {
      await library.receive(admin, id, 0, bytes);
      await library.take(admin, id, most);
      return library.take(admin, id, most);
    },
  },
];
for (const { code, what, work } of refusals) {
  test(`${what} is refused`, async (context) => {
    const { library } = openLibrary(context);
    const { id } = await library.begin(admin, announce(bytes));
    await assert.rejects(async () => work(library, id), { code });
  });
}

test("a disk without room, and too many uploads, are refused before anything is written", async (context) => {
  const { folder, library } = openLibrary(context);
  const hash = "0".repeat(64);
  await assert.rejects(library.begin(admin, { bytes: most, hash }), { code: "E_CONTENT_WRITE" });
  assert.deepEqual(readdirSync(folder), []);
  for (let count = 0; count < limits.uploadsOpen; count += 1) {
    await library.begin(randomUUID(), { bytes: 1, hash });
  }
  await assert.rejects(library.begin(randomUUID(), { bytes: 1, hash }), { code: "E_CONFLICT" });
});

test("a machine that begins anew gives up what it had begun", async (context) => {
  const { folder, library } = openLibrary(context);
  const machine = randomUUID();
  const first = await library.begin(machine, announce(bytes));
  await library.begin(machine, announce(bytes));
  assert.equal(readdirSync(folder).length, 1);
  await assert.rejects(async () => library.receive(machine, first.id, 0, bytes), { code: "E_NOT_FOUND" });
});

const withoutLost = (folder: string): string[] => readdirSync(folder).filter((name) => name !== ".lost");

test("after a restart what was unfinished, or nobody knows, is gone, and what a row names is there", async (context) => {
  const { folder, library } = openLibrary(context);
  const { id } = await library.begin(admin, announce(bytes));
  await library.receive(admin, id, 0, bytes);
  await library.take(admin, id, most);
  writeFileSync(join(folder, randomUUID()), "nobody's");
  writeFileSync(join(folder, `.uploading-${randomUUID()}`), "half");
  new FileLibrary(folder).recover(new Set([id]));
  assert.deepEqual(withoutLost(folder), [id]);
  assert.deepEqual(readFileSync(join(folder, id)), bytes);
  assert.ok(existsSync(library.path(id)));
});

test("what the database does not name is put aside for a month, and comes back with the database that does", (context) => {
  const { folder, library } = openLibrary(context);
  const [known, old, unknown] = [randomUUID(), randomUUID(), randomUUID()];
  const lost = join(folder, ".lost");
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
  for (const id of [known, old, unknown]) {
    writeFileSync(library.path(id), id);
    utimesSync(library.path(id), daysAgo(400), daysAgo(400));
  }
  assert.equal(library.recover(new Set()), 3);
  assert.deepEqual(withoutLost(folder), []);
  assert.deepEqual(readdirSync(lost).toSorted(), [known, old, unknown].toSorted(), "however old they were");
  assert.equal(library.recover(new Set()), 0, "which is said once");
  utimesSync(join(lost, old), daysAgo(limits.lostFileDays + 1), daysAgo(limits.lostFileDays + 1));
  utimesSync(join(lost, unknown), daysAgo(limits.lostFileDays - 1), daysAgo(limits.lostFileDays - 1));
  library.recover(new Set([known]));
  assert.deepEqual([withoutLost(folder), readdirSync(lost)], [[known], [unknown]]);
  assert.equal(readFileSync(library.path(known), "utf8"), known);
});
