/** Files piece by piece: gone on with, checked, and begun anew at a site that was restarted. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { VolleyError } from "../../../contract/errors.ts";
import { limits } from "../../../contract/limits.ts";
import {
  downloadFile,
  uploadAndUse,
  type Download,
  type UploadSite,
} from "../../../agent/site/file-transfer.ts";
import { testFolder } from "../../fixtures/folder.ts";

const content = randomBytes(3 * limits.filePieceBytes + 7);
const hashOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

function download(context: TestContext, more: Partial<Download> = {}) {
  const asked: number[] = [];
  const options: Download = {
    path: join(testFolder(context), "cache", "file"),
    bytes: content.length,
    hash: hashOf(content),
    what: "The file",
    signal: new AbortController().signal,
    progress: () => {},
    onWait: () => {},
    ...more,
    piece(offset) {
      asked.push(offset);
      return (
        more.piece?.(offset) ?? Promise.resolve(content.subarray(offset, offset + limits.filePieceBytes))
      );
    },
  };
  return { asked, options };
}

test("a file is fetched once, also when some tries fail", async (context) => {
  let failures = 2;
  const { asked, options } = download(context, {
    async piece(offset) {
      if (offset > 0 && (failures -= 1) >= 0) throw new VolleyError("E_SITE_UNREACHABLE", "away");
      return content.subarray(offset, offset + limits.filePieceBytes);
    },
  });
  await downloadFile(options);
  assert.deepEqual(readFileSync(options.path), content);
  assert.equal(asked.length, 6);
  await downloadFile(options);
  assert.equal(asked.length, 6, "what is there was fetched again");
  assert.ok(!existsSync(`${options.path}.part`));
});

test("what an earlier try has fetched is gone on with", async (context) => {
  const stop = new AbortController();
  const { asked, options } = download(context, {
    signal: stop.signal,
    progress: (fraction) => fraction > 0.5 && stop.abort(),
  });
  await assert.rejects(downloadFile(options), { code: "E_CANCELLED" });
  const before = asked.length;
  await downloadFile({ ...options, signal: new AbortController().signal, progress: () => {} });
  assert.deepEqual(asked.slice(before), [2 * limits.filePieceBytes, 3 * limits.filePieceBytes]);
  assert.deepEqual(readFileSync(options.path), content);
});

for (const [what, hash, piece] of [
  ["other bytes", hashOf(content), async () => Buffer.alloc(limits.filePieceBytes)],
  ["too few bytes", hashOf(content), async () => Buffer.alloc(0)],
] as const) {
  test(`${what} than were announced are refused, and nothing is left that looks right`, async (context) => {
    const { options } = download(context, { hash, piece });
    await assert.rejects(downloadFile(options), { code: "E_CONTENT_CORRUPT" });
    assert.ok(!existsSync(options.path));
  });
}

test("a file that was changed in the cache is fetched anew", async (context) => {
  const { options } = download(context);
  await downloadFile(options);
  writeFileSync(options.path, Buffer.alloc(content.length));
  await downloadFile(options);
  assert.deepEqual(readFileSync(options.path), content);
});

test("an upload is begun anew when the site has forgotten it, and not for ever", async (context) => {
  const path = join(testFolder(context), "file");
  writeFileSync(path, content);
  let beginnings = 0;
  let taken: Buffer[] = [];
  const siteThatForgets = (times: number) => ({
    async beginUpload() {
      beginnings += 1;
      taken = [];
      return { id: `upload ${beginnings}`, received: 0 };
    },
    async sendPiece(id: string, offset: number, bytes: Buffer) {
      if (beginnings <= times && offset > 0) throw new VolleyError("E_NOT_FOUND", "no such upload");
      taken.push(Buffer.from(bytes));
      return { id, received: offset + bytes.length };
    },
  });
  const transfer = { signal: new AbortController().signal, progress: () => {}, onWait: () => {} };
  const uploadFile = (from: string, site: UploadSite): Promise<string> =>
    uploadAndUse(from, site, transfer, async (id) => id);
  assert.equal(await uploadFile(path, siteThatForgets(2)), "upload 3");
  assert.deepEqual(Buffer.concat(taken), content);
  await assert.rejects(uploadFile(path, siteThatForgets(1000)), { code: "E_NOT_FOUND" });
});
