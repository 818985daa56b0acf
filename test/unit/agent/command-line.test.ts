/** What may be typed, and what is said about anything else. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { parseCommandLine } from "../../../agent/commands/command-line.ts";
import { agentVersion } from "../../../agent/version.ts";
import { VolleyError } from "../../../contract/errors.ts";

const fingerprint = "0123456789abcdef".repeat(4);
const deploy = ["deploy", "--site", "https://10.0.0.1:8443", "--fingerprint", fingerprint];

test("a whole deploy", () => {
  const words = [...deploy, "--credential-file", "c", "--disk", "/dev/sdb", "--state", "s"];
  const command = parseCommandLine([...words, "--yes", "--once", "--name", "pc1", "--interface", "10.0.0.7"]);
  assert.deepEqual(command, {
    kind: "deploy",
    site: { host: "10.0.0.1", port: 8443 },
    fingerprint,
    authorityFile: null,
    credentialFile: "c",
    stateFolder: "s",
    disk: "/dev/sdb",
    name: "pc1",
    interfaceAddress: "10.0.0.7",
    yes: true,
    once: true,
    leaveFailed: false,
    allowRestart: false,
    fullScreen: null,
    resumes: null,
  });
});

test("a whole doctor", () => {
  const place = ["doctor", ...deploy.slice(1), "--credential-file", "c", "--state", "s"];
  const expected = {
    site: { host: "10.0.0.1", port: 8443 },
    fingerprint,
    authorityFile: null,
    credentialFile: "c",
    stateFolder: "s",
    name: null,
    interfaceAddress: null,
    watchSeconds: null,
    json: false,
  };
  assert.deepEqual(parseCommandLine(place), { kind: "doctor", doctor: expected });
  const watching = parseCommandLine([...place, "--watch", "--json"]);
  assert.deepEqual(watching, { kind: "doctor", doctor: { ...expected, watchSeconds: 330, json: true } });
  const shortly = parseCommandLine([...place, "--watch", "--seconds", "5"]);
  assert.deepEqual(shortly, { kind: "doctor", doctor: { ...expected, watchSeconds: 5 } });
});

test("a fingerprint in any usual form", () => {
  const colons = `SHA256:${(fingerprint.toUpperCase().match(/../g) ?? []).join(":")}`;
  const command = parseCommandLine([...deploy.slice(0, 4), colons]);
  assert.equal(command.kind === "deploy" && command.fingerprint, fingerprint);
});

for (const [words, kind] of [
  [["--help"], "help"],
  [["-h"], "help"],
  [["deploy", "--help"], "help"],
  [["doctor", "--help"], "help"],
  [["--version"], "version"],
  [["identify", "--json"], "identify"],
  [["disks"], "disks"],
] as const) {
  test(`${words.join(" ")} is ${kind}`, () => assert.equal(parseCommandLine(words).kind, kind));
}

const wrong: { words: string[]; says: RegExp }[] = [
  { words: [], says: /command is missing/ },
  { words: ["frobnicate"], says: /frobnicate/ },
  { words: ["deploy"], says: /--site is missing/ },
  { words: ["deploy", "--site", "http://10.0.0.1"], says: /https/ },
  { words: ["deploy", "--site", "https://u:p@10.0.0.1"], says: /https:\/\/10\.0\.0\.1$/ },
  { words: ["deploy", "--site", "https://10.0.0.1/x"], says: /nothing else/ },
  { words: ["deploy", "--site", "10.0.0.1:8443"], says: /HOST:PORT/ },
  { words: [...deploy.slice(0, 4), "abc"], says: /64 hexadecimal/ },
  { words: [...deploy, "--authority", "f"], says: /give one/ },
  { words: [...deploy, "--interface", "eth0"], says: /IPv4/ },
  { words: [...deploy, "--name", ""], says: /--name/ },
  { words: [...deploy, "--credential", "abc"], says: /--credential/ },
  { words: ["doctor"], says: /--site is missing/ },
  { words: ["doctor", ...deploy.slice(1), "--seconds", "5"], says: /--seconds is for --watch/ },
  { words: ["doctor", ...deploy.slice(1), "--watch", "--seconds", "0"], says: /1 to 1500/ },
  { words: ["doctor", ...deploy.slice(1), "--disk", "x"], says: /--disk/ },
  { words: [...deploy, "extra"], says: /extra/ },
];
for (const { says, words } of wrong) {
  test(`"${words.join(" ")}" is not understood`, () => {
    assert.throws(
      () => parseCommandLine(words),
      (error) => {
        assert.ok(error instanceof VolleyError);
        assert.equal(error.code, "E_USAGE");
        assert.match(error.detail, says);
        return true;
      },
    );
  });
}

test("the version is the package's", () => {
  const text = readFileSync(new URL("../../../../package.json", import.meta.url), "utf8");
  assert.equal((JSON.parse(text) as { version: string }).version, agentVersion);
});
