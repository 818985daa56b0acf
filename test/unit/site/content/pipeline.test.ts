/** Programs joined by pipes: an end that does not come, and one that is wished for. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runPipeline } from "../../../../site/content/saved/pipeline.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { waitFor } from "../../../fixtures/program.ts";

/** Says which process it is, in the file of its first parameter, and stays. */
const stays = `bash -c 'echo $$ > "$0"; exec sleep 600' "$1"`;
const isThere = (id: number): boolean =>
  existsSync(`/proc/${id}/stat`) && !/\) Z /.test(readFileSync(`/proc/${id}/stat`, "utf8"));

test("programs that do not end are ended, each of them", async (t) => {
  const path = join(testFolder(t), "id");
  const work = { stages: [stays, "cat"], parameters: [path], signal: new AbortController().signal };
  await assert.rejects(runPipeline({ ...work, limitMs: 10_000 }), { code: "E_TOOL_FAILED" });
  const id = Number(readFileSync(path, "utf8"));
  assert.ok(id > 0);
  await waitFor(() => !isThere(id), { what: "the end of the first program" });
});

test("a cancelled pipeline ends, and says so", async (t) => {
  const path = join(testFolder(t), "id");
  const stop = new AbortController();
  const running = runPipeline({ stages: [stays, "cat"], parameters: [path], signal: stop.signal });
  const ended = assert.rejects(running, { code: "E_CANCELLED" });
  await waitFor(() => existsSync(path), { what: "the first program" });
  stop.abort();
  await ended;
});

test("a failure's reason is what the programs said, and nothing else", async () => {
  const { signal } = new AbortController();
  const failing = { stages: ["(echo reason >&2; exit 3)", "cat"], parameters: [], signal };
  for (let round = 0; round < 40; round += 1) {
    await assert.rejects(runPipeline(failing), { code: "E_IMAGE_TRUNCATED", detail: "reason" });
  }
});
