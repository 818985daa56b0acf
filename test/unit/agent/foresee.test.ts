/** What is known before a run in a PE begins: steps that could not put their image onto any disk of this machine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { foreseeSteps } from "../../../agent/running/foresee.ts";
import type { ConditionWorld } from "../../../agent/sequence/conditions/evaluate.ts";
import { SequenceEnvironment } from "../../../agent/sequence/environment.ts";
import { flatten } from "../../../agent/sequence/instructions.ts";
import { readSequences } from "../../../agent/sequence/reading/read.ts";
import type { StepServices } from "../../../agent/steps/services.ts";
import { VolleyError, type ErrorCode } from "../../../contract/errors.ts";
import { toDiskFacts } from "../../../agent/platform/windows/disks.ts";
import { sequenceText, step, variable } from "../../fixtures/sequence-text.ts";
import { laptop } from "../../fixtures/windows-facts.ts";

const [first, second, stick] = laptop(true).shown.map((disk) =>
  toDiskFacts({ ...disk, systemUses: [] }, true),
);

interface Wish {
  steps: string[];
  format?: "block" | "disk" | "wim";
  image?: { sectorBytes?: 512 | 4096; smallestDiskBytes?: number; firmware?: ("bios" | "uefi")[] };
  fault?: ErrorCode;
  pointer?: number;
  variables?: Record<string, string>;
}

/** What is foreseen with a site that has one image, on a machine with UEFI, two disks and a stick. */
async function foresee(wish: Wish): Promise<VolleyError | null> {
  const [read] = await readSequences(Buffer.from(sequenceText(...wish.steps)));
  assert.ok(read && first && second && stick);
  const disks = [first, second, { ...stick, sectorBytes: 4096 }];
  const environment = new SequenceEnvironment({ processVariables: {}, onHidden: () => {} });
  for (const [name, value] of Object.entries(wish.variables ?? {})) environment.set(name, value);
  const formatOf = (): Promise<"block" | "disk" | "wim"> =>
    wish.fault === undefined
      ? Promise.resolve(wish.format ?? "block")
      : Promise.reject(new VolleyError(wish.fault, "VOL00001"));
  const services: StepServices = {
    disks: { list: () => Promise.resolve(disks) },
    imageApplier: {
      formatOf,
      diskDemand: () =>
        Promise.resolve({
          rule: { removable: false },
          image: { name: "windows", smallestDiskBytes: 1, sectorBytes: 512, firmware: [], ...wish.image },
          firmware: "uefi",
          contentBytes: 0,
        }),
      files: () => assert.fail("nothing is applied"),
      writeTo: () => assert.fail("nothing is written"),
    },
  };
  return await foreseeSteps(
    flatten(read.sequence, () => null),
    wish.pointer ?? 0,
    {
      environment,
      services,
      world: { variables: environment } as unknown as ConditionWorld,
      runsHere: ({ node }) => node.runIn !== "FullOS",
    },
  );
}

const named = variable("ImagePackageID", "VOL00001");
const apply = (more = ""): string => step("ApplyOperatingSystem", "Image", named, more);
const data = step("ApplyDataImage", "Data", named);
const larger = { sectorBytes: 4096 as const };

test("the image is for other sectors, larger than every disk, or for other firmware: the step, each disk and why", async () => {
  const rows: [NonNullable<Wish["image"]>, "block" | "disk", ErrorCode, RegExp][] = [
    [larger, "block", "E_SECTOR_SIZE", /PhysicalDrive0 has sectors of 512 bytes.*PhysicalDrive1 has sectors/],
    [{ smallestDiskBytes: 2 ** 41 }, "block", "E_DEVICE_TOO_SMALL", /PhysicalDrive0 has .* needs/],
    [{ firmware: ["bios"] }, "disk", "E_FIRMWARE", /UEFI firmware, and image "windows" boots with BIOS/],
  ];
  for (const [image, format, code, why] of rows) {
    const refusal = await foresee({ steps: [apply()], image, format });
    assert.equal(refusal?.code, code);
    assert.match(refusal.detail, /^Step "Image" cannot do its work: No disk can be taken: /);
    assert.match(refusal.detail, why);
    assert.doesNotMatch(refusal.detail, /PhysicalDrive2/, "a stick is not meant");
  }
  assert.equal(await foresee({ steps: [apply(), data] }), null);
  // The second disk is large enough.
  assert.equal(await foresee({ steps: [apply()], image: { smallestDiskBytes: 600e9 } }), null);
  assert.equal(await foresee({ steps: [apply()], image: larger, format: "wim" }), null);
});

test("a whole disk's image goes onto no volume, and a package that the site does not give out nowhere", async () => {
  assert.equal((await foresee({ steps: [data], format: "disk" }))?.code, "E_IMAGE_KIND");
  assert.equal(await foresee({ steps: [apply()], format: "disk" }), null);
  const toolkit = apply()
    .replace("SMS_TaskSequence_ApplyOperatingSystemAction", "BDD_InstallOS")
    .replaceAll("ImagePackageID", "OSGUID");
  assert.equal((await foresee({ steps: [toolkit], fault: "E_NOT_FOUND" }))?.code, "E_NOT_FOUND");
  assert.equal((await foresee({ steps: [toolkit], fault: "E_FORBIDDEN" }))?.code, "E_FORBIDDEN");
});

test("what is not known yet, done already or need not succeed is left to the step", async () => {
  const unset = step("ApplyOperatingSystem", "Later", variable("ImagePackageID", "%Chosen%"));
  const condition =
    '<condition><expression type="SMS_TaskSequence_VariableConditionExpression"><variable name="Operator">equals</variable><variable name="Value">A</variable><variable name="Variable">Kind</variable></expression></condition>';
  const conditional = apply().replace("</step>", `${condition}</step>`);
  const rows: [string, Partial<Wish> & { steps: string[] }][] = [
    ["a variable that a step may set", { steps: [unset] }],
    ["a condition that does not hold", { steps: [conditional] }],
    ["one that may fail", { steps: [apply('continueOnError="true"')] }],
    ["in a group that may", { steps: [`<group name="G" continueOnError="true">${apply()}</group>`] }],
    ["disabled", { steps: [apply('disable="true"')] }],
    ["for the full system", { steps: [apply().replace("WinPEandFullOS", "FullOS")] }],
    ["done", { steps: [apply()], pointer: 1 }],
    ["a site that is away", { steps: [apply()], fault: "E_SITE_UNREACHABLE" }],
  ];
  for (const [name, wish] of rows) assert.equal(await foresee({ image: larger, ...wish }), null, name);
  const known: [string, Partial<Wish> & { steps: string[] }][] = [
    ["a variable that is set", { steps: [unset], variables: { Chosen: "VOL00001" } }],
    ["a condition that holds", { steps: [conditional], variables: { Kind: "A" } }],
  ];
  for (const [name, wish] of known) {
    assert.equal((await foresee({ image: larger, ...wish }))?.code, "E_SECTOR_SIZE", name);
  }
  await assert.rejects(foresee({ steps: [apply()], fault: "E_CANCELLED" }), { code: "E_CANCELLED" });
});
