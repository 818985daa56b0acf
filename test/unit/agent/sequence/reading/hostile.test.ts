/** Files that mean harm or are broken: a clear error or the right result, and never more than the bounds. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { VolleyError } from "../../../../../contract/errors.ts";
import { checkSequence } from "../../../../../agent/sequence/check.ts";
import { checksAsJson, checksAsText } from "../../../../../agent/sequence/checking/show.ts";
import { readingLimits } from "../../../../../agent/sequence/reading/limits.ts";
import { readSequences } from "../../../../../agent/sequence/reading/read.ts";
import { readSequenceFile } from "../../../../../agent/sequence/reading/file.ts";
import { random, testSeed } from "../../../../fixtures/random.ts";
import {
  commandStep,
  managerSequence,
  objectXml,
  sequenceOf,
  toolkitSequence,
  utf16,
  zipOf,
} from "../sequence-files.ts";

const entry = "SMS_TaskSequencePackage/ABC00010/object.xml";
const object = objectXml(managerSequence, { packageId: "ABC00010", name: "Lab" });
const noSupport = { supportOf: () => undefined };

async function refusal(file: string | Buffer): Promise<VolleyError> {
  const outcome = await readSequences(Buffer.from(file)).catch((error: unknown) => error);
  assert.ok(outcome instanceof VolleyError, `not refused by the registry: ${String(outcome)}`);
  return outcome;
}

const laughs = `<?xml version="1.0"?>
<!DOCTYPE lolz [ <!ENTITY lol "lol"> ${[1, 2, 3, 4, 5, 6, 7, 8, 9]
  .map((level) => `<!ENTITY lol${level} "${`&lol${level === 1 ? "" : level - 1};`.repeat(10)}">`)
  .join("\n")} ]>
<sequence version="3.10"><group name="&lol9;"/></sequence>`;

const refused: { what: string; file: string | Buffer; code?: string; says: RegExp }[] = [
  { what: "nothing", file: "", says: /is empty/ },
  { what: "no XML", file: "hello", says: /Line 1/ },
  { what: "random bytes", file: Buffer.concat([Buffer.from([0x99]), randomBytes(500)]), says: /./ },
  { what: "XML that is no sequence", file: "<html><body>x</body></html>", says: /no <sequence>/ },
  { what: "a billion laughs", file: laughs, says: /Line 2: .*DOCTYPE/ },
  {
    what: "an external entity",
    file: '<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<sequence version="3.10"><group name="&x;"/></sequence>',
    says: /DOCTYPE/,
  },
  {
    what: "an external document type",
    file: '<!DOCTYPE s SYSTEM "http://x/x.dtd"><sequence/>',
    says: /DOCTYPE/,
  },
  {
    what: "an entity nobody declared",
    file: '<sequence version="3.10">\n<group name="&x;"/></sequence>',
    says: /Line 2.*entity/,
  },
  {
    what: "an entity in the sequence of an object.xml",
    file: objectXml(`<!DOCTYPE a>${managerSequence}`, { packageId: "A", name: "B" }),
    says: /Line 8: .*DOCTYPE/,
  },
  { what: "a sequence cut short", file: managerSequence.slice(0, 2000), says: /Line \d+, column \d+: / },
  { what: "two roots", file: `${sequenceOf("")}${sequenceOf("")}`, says: /Line 3/ },
  { what: "an attribute twice", file: '<sequence version="3.10" version="3.00"/>', says: /duplicate/ },
  {
    what: "bytes that are no UTF-8",
    file: Buffer.concat([Buffer.from("<sequence>\n"), Buffer.from([0xff])]),
    says: /Line 2: .*utf-8/,
  },
  { what: "half a UTF-16 character", file: utf16(managerSequence).subarray(0, -1), says: /half a character/ },
  { what: "UTF-32", file: Buffer.from([0xff, 0xfe, 0, 0, 0x3c, 0, 0, 0]), says: /UTF-32/ },
  {
    what: "an encoding of no one",
    file: '<?xml version="1.0" encoding="klingon"?><sequence/>',
    says: /"klingon"/,
  },
  {
    what: "a package without a sequence",
    file: '<INSTANCE CLASSNAME="SMS_TaskSequencePackage"/>',
    says: /has no sequence/,
  },
  {
    what: "a package whose sequence is something else",
    file: objectXml("<other/>", { packageId: "A", name: "B" }),
    says: /no <sequence> but "<other\/>"/,
  },
  {
    what: "a zip with ..",
    file: zipOf([
      { name: entry, content: object },
      { name: "../../etc/passwd", content: "x" },
    ]),
    says: /\.\.\/\.\.\/etc/,
  },
  {
    what: "a zip with backslashes and ..",
    file: zipOf([{ name: "..\\..\\x", content: "x" }]),
    says: /invalid relative path/,
  },
  {
    what: "a zip with an absolute name",
    file: zipOf([{ name: "/etc/passwd", content: "x" }]),
    says: /absolute path/,
  },
  { what: "a zip with a drive letter", file: zipOf([{ name: "C:/x", content: "x" }]), says: /absolute path/ },
  {
    what: "a zip with nothing for us",
    file: zipOf([{ name: "a.txt", content: "x" }]),
    says: /no SMS_TaskSequencePackage/,
  },
  { what: "an empty zip", file: zipOf([]), says: /no SMS_TaskSequencePackage/ },
  {
    what: "an encrypted entry",
    file: zipOf([{ name: entry, content: object, flags: 1 }]),
    says: /encrypted/,
  },
  {
    what: "an unknown compression",
    file: zipOf([{ name: entry, content: object, method: 9 }]),
    says: /method 9/,
  },
  {
    what: "a zip cut short",
    file: zipOf([{ name: entry, content: object }]).subarray(0, -30),
    says: /archive/,
  },
  {
    what: "the start of a zip",
    file: zipOf([{ name: entry, content: object }]).subarray(0, 300),
    says: /archive/,
  },
  { what: "an entry that is not what was packed", file: tampered(), says: /checksum/ },
  {
    what: "an entry that unpacks to more than it says",
    file: zipOf([{ name: entry, content: Buffer.alloc(1_000_000, 32), claimedBytes: 100 }]),
    says: /too many bytes/,
  },
  {
    what: "a zip bomb",
    file: zipOf(
      Array.from({ length: 9 }, (_, index) => ({
        name: `SMS_TaskSequencePackage/ABC0000${index}/object.xml`,
        content: Buffer.alloc(16_000_000, 32),
      })),
    ),
    code: "E_SEQUENCE_TOO_LARGE",
    says: /unpacks to more than/,
  },
  {
    what: "more bytes than are read",
    file: Buffer.alloc(readingLimits.fileBytes + 1),
    code: "E_SEQUENCE_TOO_LARGE",
    says: /67108865 bytes/,
  },
  {
    what: "more attributes than an element has",
    file: `<sequence ${Array.from({ length: readingLimits.attributesPerElement + 1 }, (_, index) => `a${index}=""`).join(" ")}/>`,
    code: "E_SEQUENCE_TOO_LARGE",
    says: /more than 1000 attributes/,
  },
  {
    what: "more steps than a sequence has",
    file: sequenceOf("<step/>".repeat(readingLimits.nodes + 1)),
    code: "E_SEQUENCE_TOO_LARGE",
    says: /more than 500000 steps/,
  },
];
for (const { code = "E_SEQUENCE_UNREADABLE", file, says, what } of refused) {
  test(`refused: ${what}`, async () => {
    const error = await refusal(file);
    assert.equal(error.code, code);
    assert.match(error.detail, says);
  });
}

function tampered(): Buffer {
  const archive = zipOf([{ name: entry, content: object, method: 0 }]);
  archive.write("X", archive.indexOf("Say so"));
  return archive;
}

test("ten thousand nested groups: read, checked and shown without a stack", async () => {
  const depth = 10_000;
  const condition =
    '<condition><expression type="SMS_TaskSequence_VariableConditionExpression"><variable name="Operator">exists</variable><variable name="Value"/><variable name="Variable">SMSTSMP</variable></expression></condition>';
  const file = sequenceOf(
    `${`<group name="G">${condition}`.repeat(depth)}${commandStep("Deep")}${"</group>".repeat(depth)}`,
  );
  const [found] = await readSequences(Buffer.from(file));
  assert.ok(found);
  const check = checkSequence(found, noSupport);
  assert.deepEqual(check.problems, []);
  assert.equal(check.steps.length, 1);
  assert.match(check.steps[0]?.path ?? "", /^G\/G\/.*… 9936 more ….*\/G$/);
  assert.match([...checksAsText([check])].join(""), /Deep/);
  const json = JSON.parse([...checksAsJson([check])].join("")) as { steps: unknown[] };
  assert.equal(json.steps.length, 1);
});

test("ten thousand nested operators in a condition", async () => {
  const depth = 10_000;
  const expression =
    '<expression type="SMS_TaskSequence_VariableConditionExpression"><variable name="Operator">equals</variable><variable name="Value">1</variable><variable name="Variable">SMSTSMP</variable></expression>';
  const nested = `${'<operator type="not">'.repeat(depth)}${expression}${"</operator>".repeat(depth)}`;
  const file = sequenceOf(`<group name="A"><condition>${nested}</condition></group>`);
  const [found] = await readSequences(Buffer.from(file));
  assert.ok(found);
  assert.deepEqual(checkSequence(found, noSupport).problems, []);
});

test("50 MB of steps, in seconds and in memory that is there", { timeout: 120_000 }, async () => {
  const step = commandStep("A step", `cmd.exe /c ${"x".repeat(200)}`);
  const count = Math.floor(50_000_000 / step.length);
  const [found] = await readSequences(Buffer.from(sequenceOf(step.repeat(count))));
  assert.ok(found);
  assert.equal(found.sequence.nodes.length, count);
  const check = checkSequence(found, noSupport);
  let characters = 0;
  for (const piece of checksAsJson([check])) characters += piece.length;
  assert.ok(characters > count * 100);
});

test("50 MB in one description, and 50 MB of what is not known", { timeout: 120_000 }, async () => {
  const [long] = await readSequences(
    Buffer.from(sequenceOf(`<group name="A" description="${"x".repeat(50_000_000)}"/>`)),
  );
  assert.equal(long?.sequence.nodes[0]?.description.length, 50_000_000);
  const count = Math.floor(50_000_000 / 40);
  const [odd] = await readSequences(
    Buffer.from(sequenceOf(`<oddity with="an attribute or two"/>\n`.repeat(count))),
  );
  const problems = odd?.sequence.problems ?? [];
  assert.equal(problems.length, readingLimits.problems + 1);
  assert.match(
    problems.at(-1)?.text ?? "",
    new RegExp(`^${count - readingLimits.problems} more problems follow`),
  );
});

test("a file that is none, one that is not there, and one too large are refused before they are read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "volley-sequence-"));
  try {
    const file = join(folder, "ts.xml");
    writeFileSync(file, toolkitSequence);
    assert.equal((await readSequenceFile(file)).length, 1);
    for (const path of [folder, join(folder, "missing.xml"), "/dev/zero"]) {
      await assert.rejects(readSequenceFile(path), { code: "E_SEQUENCE_UNREADABLE" }, path);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test(
  "mutations of good files: read, or refused by a code of the registry",
  { timeout: 300_000 },
  async () => {
    const next = random(testSeed("mutations of task sequences"));
    const archive = zipOf([
      { name: "Manifest.xml", content: "<Manifest/>" },
      { name: entry, content: object },
      { name: "SMS_TaskSequencePackage/ABC00009/object.xml", content: object, method: 0 },
    ]);
    const originals = [managerSequence, toolkitSequence, object, utf16(object), archive].map((file) =>
      Buffer.from(file),
    );
    let accepted = 0;
    for (let round = 0; round < 6000; round += 1) {
      const original = originals[round % originals.length] ?? Buffer.alloc(0);
      const mutated = mutate(original, next);
      try {
        for (const found of await readSequences(mutated)) {
          const check = checkSequence(found, noSupport);
          for (const piece of checksAsText([check])) assert.ok(piece.length > 0);
          accepted += 1;
        }
      } catch (error) {
        assert.ok(error instanceof VolleyError, `round ${round}: ${(error as Error).stack}`);
        assert.match(error.code, /^E_SEQUENCE_/);
      }
    }
    assert.ok(accepted > 0, "no mutation was harmless: nothing was tried");
  },
);

/** One to eight small changes: bytes, pieces taken out, repeated, moved, and words that mean something. */
function mutate(original: Buffer, next: () => number): Buffer {
  const words = [
    "<",
    ">",
    "&",
    "]]>",
    "<![CDATA[",
    '"',
    "\u0000",
    "<group>",
    "</group>",
    "&#0;",
    "<!--",
    "-->",
    "PK",
  ];
  const below = (bound: number): number => Math.floor(next() * bound);
  let bytes = Buffer.from(original);
  for (let change = 1 + below(8); change > 0; change -= 1) {
    const at = below(bytes.length);
    const length = below(64);
    const piece = bytes.subarray(at, at + length);
    switch (below(6)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at), piece, piece, bytes.subarray(at + length)]);
        break;
      case 4:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(words[below(words.length)] ?? ""),
          bytes.subarray(at),
        ]);
        break;
      default:
        bytes = next() < 0.1 ? bytes.subarray(0, at) : bytes;
    }
    if (bytes.length === 0) return bytes;
  }
  return bytes;
}
