/** What must never be written, in whatever form somebody tries to write it. */
import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openLogs } from "../../../agent/report/logs.ts";
import { createRedactor } from "../../../agent/report/redactor.ts";

const secret = randomBytes(32).toString("hex");
const other = randomBytes(32).toString("hex");
const privateKey = generateKeyPairSync("ed25519")
  .privateKey.export({ type: "pkcs8", format: "pem" })
  .toString();

const leaks: { title: string; text: string; hidden: string }[] = [
  { title: "a known secret in the middle of a word", text: `x${secret}y`, hidden: secret },
  { title: "twice", text: `${secret} ${secret}`, hidden: secret },
  { title: "a header", text: `authorization: Bearer 11-22.${other}`, hidden: other },
  { title: "a bearer alone", text: `sent Bearer abc.${other} to it`, hidden: other },
  { title: "JSON", text: JSON.stringify({ machineKey: other, name: "a" }), hidden: other },
  {
    title: "nested JSON",
    text: JSON.stringify({ session: { key: other, group: "239.1.1.1" } }),
    hidden: other,
  },
  { title: "an assignment", text: `VOLLEY_CREDENTIAL=${other}`, hidden: other },
  { title: "a URL", text: `https://host/x?token=${other}&y=1`, hidden: other },
  { title: "a private key", text: `before\n${privateKey}after`, hidden: privateKey.split("\n")[1] ?? "" },
];

for (const { hidden, text, title } of leaks) {
  test(`hides ${title}`, () => {
    const redactor = createRedactor();
    redactor.add(secret);
    const clean = redactor.clean(text);
    assert.ok(!clean.includes(hidden), clean);
    assert.match(clean, /\[redacted\]/);
  });
}

test("leaves what is no secret: roots, names, sizes, sentences about keys", () => {
  const redactor = createRedactor();
  redactor.add(secret);
  redactor.add("on");
  for (const text of [
    `root ${other}`,
    "Joined session 4 on 239.77.0.1:5000",
    "The key is valid but not for this.",
    "Type /dev/sda (or yes) to overwrite it:",
  ]) {
    assert.equal(redactor.clean(text), text);
  }
});

test("no log shows a secret, whichever way it takes", () => {
  const folder = mkdtempSync(join(tmpdir(), "volley-redact-"));
  try {
    const redactor = createRedactor();
    redactor.add(secret);
    const shown: string[] = [];
    const logs = openLogs({ folder, redactor, screen: { line: (text) => shown.push(text) } });
    const log = logs.of("Agent", "main.ts");
    log.info(`enrolled with ${secret}`);
    log.detail(`stack of ${secret}`);
    log.error(`credential: ${other}`);
    logs.close();
    const written = ["smsts.log", "agent.jsonl"].map((name) => readFileSync(join(folder, name), "utf8"));
    for (const text of [...written, shown.join("\n")]) {
      assert.ok(text.includes("enrolled with [redacted]"));
      assert.ok(!text.includes(secret) && !text.includes(other));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
