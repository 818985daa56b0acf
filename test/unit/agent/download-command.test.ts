import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseCommandLine, wordsFor } from "../../../agent/commands/command-line.ts";
import { completeDownload, parseDownloadCommand } from "../../../agent/commands/download-command.ts";
import { VolleyError } from "../../../contract/errors.ts";
import { testFolder } from "../../fixtures/folder.ts";

const isUsageError = (error: unknown): boolean => error instanceof VolleyError && error.code === "E_USAGE";
const given = ["PS100012", "/cache/PS100012", "http://dp/PS100012"];

test("a program of that name is that command", () => {
  for (const path of ["/opt/volley-download", String.raw`X:\tools\Volley-Download.EXE`]) {
    assert.deepEqual(wordsFor(path, given), ["download", ...given]);
  }
  assert.deepEqual(wordsFor("/usr/bin/node", given), given);
  const command = parseCommandLine(wordsFor("/opt/volley-download", given));
  assert.equal(command.kind, "download");
});

test("what the caller always gives has to be there", () => {
  for (const words of [[], given.slice(0, 1), given.slice(0, 2), ["PS1", "relative", "http://dp"]]) {
    assert.throws(() => parseDownloadCommand(words), isUsageError);
  }
  for (const code of ["0", "256", "x", "77"]) {
    assert.throws(() => parseDownloadCommand(["--abort-code", code, ...given]), isUsageError);
  }
});

test("settings beside the program, and what is typed counts over them", (context) => {
  const folder = testFolder(context);
  const settings = { site: "https://192.0.2.1:8443", authority: "site.pem", abortCode: 219, name: "pc" };
  writeFileSync(join(folder, "volley-download.json"), JSON.stringify(settings));
  const { abortCode, choice } = completeDownload(parseDownloadCommand(["--name", "mine", ...given]), folder);
  assert.equal(abortCode, 219);
  assert.equal(choice.name, "mine");
  assert.equal(choice.authorityFile, join(folder, "site.pem"));
  assert.deepEqual(choice.site, { host: "192.0.2.1", port: 8443 });
  const typed = parseDownloadCommand(["--site", "https://192.0.2.2:1", "--abort-code", "223", ...given]);
  assert.equal(completeDownload(typed, folder).choice.site.host, "192.0.2.2");
  assert.equal(completeDownload(typed, folder).abortCode, 223);
});

test("settings that are missing or have another form are said", (context) => {
  const folder = testFolder(context);
  const command = parseDownloadCommand(given);
  assert.throws(() => completeDownload(command, folder), /volley-download\.json/);
  writeFileSync(join(folder, "volley-download.json"), '{"site":"https://192.0.2.1:1","sitte":"x"}');
  assert.throws(() => completeDownload(command, folder), /sitte/);
});
