/** INF files, and the ranking of drivers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bestDecoration,
  decodeInf,
  InfFailure,
  parseInf,
  summariseInf,
  type InfTarget,
} from "../../../../windows/inf.ts";
import { rankDrivers, rankText, type DriverFile } from "../../../../agent/steps/drivers/rank.ts";
import { inf, networkCard, type InfOptions } from "../../../fixtures/inf-text.ts";
const target: InfTarget = { architecture: "amd64", major: 10, minor: 0, build: 19045, productType: 1 };

test("an INF's version and models, strings and continued lines", () => {
  const driver = parseInf(
    Buffer.from(inf({ hardwareIds: "pci\\ven_8086&dev_15b8, PCI\\CC_0200", feature: "40" })),
    target,
  );
  assert.equal(driver.provider, 'Example "Inc"');
  assert.equal(driver.className, "Net");
  assert.equal(driver.classGuid, "{4D36E972-E325-11CE-BFC1-08002BE10318}");
  assert.equal(driver.date, "2021-07-15");
  assert.equal(driver.version, "12.19.1.37");
  assert.equal(driver.catalog, "net.cat");
  assert.deepEqual(driver.models, [
    {
      description: "Example Card",
      installSection: "Install",
      hardwareId: "PCI\\VEN_8086&DEV_15B8",
      compatibleIds: ["PCI\\CC_0200"],
    },
    {
      description: 'Plain, with "comma"',
      installSection: "Install.Other",
      hardwareId: "PCI\\VEN_1111&DEV_2222",
      compatibleIds: [],
    },
  ]);
  assert.equal(driver.featureScores.get("install"), 0x40);
});

test("an INF's summary has the identifiers of every system", () => {
  const text = inf({ hardwareIds: "pci\\ven_8086&dev_15b8, PCI\\CC_0200", decoration: "NTx86" });
  const { identifiers, version } = summariseInf(Buffer.from(text));
  assert.equal(version, "12.19.1.37");
  assert.deepEqual(identifiers.toSorted(), [
    "PCI\\CC_0200",
    "PCI\\VEN_1111&DEV_2222",
    "PCI\\VEN_8086&DEV_15B8",
  ]);
  assert.deepEqual(parseInf(Buffer.from(text), target).models, []);
  assert.throws(() => summariseInf(Buffer.from("no INF")), InfFailure);
});

test("an INF in UTF-16, UTF-8 and ANSI", () => {
  const text = "[Version]\r\nProvider=\u00e4";
  const swapped = Buffer.from(`\uFEFF${text}`, "utf16le").swap16();
  for (const bytes of [
    Buffer.from(`\uFEFF${text}`, "utf16le"),
    swapped,
    Buffer.from(`\uFEFF${text}`),
    Buffer.from(text, "latin1"),
  ]) {
    assert.equal(decodeInf(bytes), text);
  }
});

test("what is no INF is refused, and nothing in one can do harm", () => {
  const seed = Number(process.env["VOLLEY_SEED"] ?? Date.now());
  console.log(`VOLLEY_SEED=${seed}`);
  for (const text of ["", "[Version]\nSignature=x", "\0\0\0", inf({ signature: "none" })]) {
    assert.throws(() => parseInf(Buffer.from(text), target), InfFailure);
  }
  let state = seed % 2147483647 || 1;
  const random = (below: number): number => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
  const good = Buffer.from(inf());
  for (let round = 0; round < 500; round += 1) {
    const bytes = Buffer.from(good);
    for (let change = 0; change < 8; change += 1) bytes[random(bytes.length)] = random(256);
    try {
      parseInf(bytes.subarray(0, random(bytes.length) + 1), target);
    } catch (error) {
      assert.ok(error instanceof InfFailure, `seed ${seed}: ${String(error)}`);
    }
  }
});

test("decorations: the closest TargetOSVersion that fits", () => {
  const x86: InfTarget = { ...target, architecture: "x86" };
  const rows: [string, string[], InfTarget, string | null][] = [
    ["by architecture", ["NTx86", "NTamd64"], target, "NTamd64"],
    ["none for it", ["NTx86", "NTarm64"], target, null],
    ["no decoration on a 64-bit system", [], target, null],
    ["no decoration on x86", [], x86, ""],
    ["falling back to no decoration on x86", ["NTamd64"], x86, ""],
    ["NT alone is x86", ["NT"], x86, "NT"],
    ["NT alone is not amd64", ["NT"], target, null],
    [
      "the newest that is not too new",
      ["NTamd64.6.1", "NTamd64.10.0", "NTamd64.11.0"],
      target,
      "NTamd64.10.0",
    ],
    [
      "with a build",
      ["NTamd64.10.0", "NTamd64.10.0...19041", "NTamd64.10.0...22000"],
      target,
      "NTamd64.10.0...19041",
    ],
    ["for servers", ["NTamd64.10.0.3"], target, null],
    [
      "for servers, on one",
      ["NTamd64.10.0", "NTamd64.10.0.3"],
      { ...target, productType: 3 },
      "NTamd64.10.0.3",
    ],
  ];
  for (const [name, decorations, for_, wanted] of rows) {
    assert.equal(bestDecoration(decorations, for_), wanted, name);
  }
});

const file = (path: string, options: InfOptions & { signed?: boolean } = {}): DriverFile => ({
  packageId: "DRV00001",
  path,
  driver: parseInf(Buffer.from(inf(options)), target),
  signed: options.signed ?? true,
});

test("ranking: the first of two is taken, whatever their order", () => {
  const exact = "PCI\\VEN_8086&DEV_15B8&SUBSYS_85F01043";
  const rows: [string, Parameters<typeof file>[1], Parameters<typeof file>[1]][] = [
    [
      "a hardware identifier before a compatible one",
      { hardwareIds: exact },
      { hardwareIds: "PCI\\VEN_8086&DEV_15B8" },
    ],
    ["an earlier hardware identifier", { hardwareIds: `${exact}&REV_31` }, { hardwareIds: exact }],
    [
      "the INF's hardware identifier before its compatible one",
      { hardwareIds: exact },
      { hardwareIds: `PCI\\X, ${exact}` },
    ],
    [
      "the device's hardware identifier in the INF's compatible ones, before the reverse",
      { hardwareIds: `PCI\\X, ${exact}` },
      { hardwareIds: "PCI\\VEN_8086&DEV_15B8" },
    ],
    [
      "a signed one before a closer unsigned one",
      { hardwareIds: "PCI\\CC_0200" },
      { hardwareIds: exact, signed: false },
    ],
    [
      "a lower feature score before a closer identifier",
      { hardwareIds: "PCI\\CC_0200", feature: "10" },
      { hardwareIds: exact },
    ],
    [
      "the newer",
      { hardwareIds: exact, date: "01/02/2022" },
      { hardwareIds: exact, date: "12/31/2021", version: "99.0" },
    ],
    [
      "the higher version of one date",
      { hardwareIds: exact, version: "1.10.0.0" },
      { hardwareIds: exact, version: "1.9.9.9" },
    ],
  ];
  for (const [name, better, worse] of rows) {
    const files = [file("worse.inf", worse), file("better.inf", better)];
    for (const order of [files, files.toReversed()]) {
      const matches = rankDrivers(networkCard, order);
      assert.equal(matches.length, 2, name);
      assert.equal(matches[0]?.file.path, "better.inf", name);
    }
  }
  assert.deepEqual(rankDrivers(networkCard, [file("other.inf", { hardwareIds: "PCI\\VEN_10EC" })]), []);
});

test("a rank is 0xSSGGTHHH", () => {
  const rank = (options: Parameters<typeof file>[1]): string =>
    rankText(rankDrivers(networkCard, [file("a.inf", options)])[0]?.rank ?? 0);
  assert.equal(rank({ hardwareIds: networkCard.hardwareIds[0] ?? "" }), "0x0DFF0000");
  assert.equal(rank({ hardwareIds: "PCI\\CC_0200", signed: false }), "0x80FF2010");
  assert.equal(rank({ hardwareIds: "PCI\\X, PCI\\CC_0200", feature: "01" }), "0x0D013011");
});
