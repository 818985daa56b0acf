/** Variables that are documented: each does here what its page says, or the check of a sequence says why it does nothing. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { checkSequence } from "../../../../agent/sequence/check.ts";
import { idleNames } from "../../../../agent/sequence/checking/idle-variables.ts";
import { engineVariables } from "../../../../agent/sequence/checking/known-variables.ts";
import { configurationManagerSteps } from "../../../../agent/sequence/step-types/configmgr.ts";
import { toolkitSteps, toolkitVariables } from "../../../../agent/sequence/step-types/mdt.ts";
import type { SequenceStep } from "../../../../agent/sequence/tree.ts";
import { findStepKind } from "../../../../agent/steps/catalogue.ts";
import { startState, type RunState } from "../../../../agent/sequence/run-state.ts";
import { readSequences } from "../../../../agent/sequence/reading/read.ts";
import { openTransport } from "../../../../agent/site/transport.ts";
import { siteContent } from "../../../../agent/deploying/site-content.ts";
import { performStep } from "../../../../agent/running/perform-step.ts";
import type { DownloadRetries } from "../../../../agent/steps/step.ts";
import { autoApplyDrivers } from "../../../../agent/steps/auto-apply-drivers.ts";
import type { DriverRequestTimes, StepServices } from "../../../../agent/steps/services.ts";
import type { DeploymentSite } from "../../../../agent/site/deployment-site.ts";
import { VolleyError } from "../../../../contract/errors.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { interpretNodes } from "../../../fixtures/interpreter-run.ts";
import { step } from "../../../fixtures/sequences.ts";
import { testContext } from "../../../fixtures/step-context.ts";
import { SequenceEnvironment } from "../../../../agent/sequence/environment.ts";
import { flatten, type StepInstruction } from "../../../../agent/sequence/instructions.ts";
import { packageOfFile } from "../../../fixtures/package-facts.ts";
import { sequence } from "../../../fixtures/sequences.ts";
import { sequenceOf, stepOf, variable } from "./sequence-files.ts";

const restart = step("restart", { type: "Reboot" });
const asks = { SMSTSRebootRequested: "HD" };

interface RestartRow {
  rule: string;
  variables?: Record<string, string>;
  /** What Restart Computer's own notice is. */
  own?: Record<string, string>;
  /** "seconds message" of each restart, one after another. */
  notices: string[];
}

const restartRows: RestartRow[] = [
  { rule: "without a delay there is no notice", notices: ["0 ", "0 ", "0 "] },
  {
    rule: "SMSTSRebootDelay: the number of seconds to wait before the computer restarts",
    variables: { SMSTSRebootDelay: "3600", SMSTSRebootMessage: "Save your work" },
    notices: ["3600 Save your work", "3600 Save your work", "3600 Save your work"],
  },
  {
    rule: "SMSTSRebootDelayNext: any later reboots happen with a different timeout than the first one",
    variables: { SMSTSRebootDelay: "3600", SMSTSRebootDelayNext: "60" },
    notices: ["3600 ", "60 ", "60 "],
  },
  {
    rule: "Restart Computer's own message and timeout are for its restart alone",
    variables: { SMSTSRebootDelay: "30", SMSTSRebootMessage: "Soon" },
    own: { SMSTSRebootDelay: "5", SMSTSRebootMessage: "Now" },
    notices: ["5 Now", "30 Soon", "30 Soon"],
  },
  {
    rule: "and are gone after it where the sequence has none",
    own: { SMSTSRebootDelay: "5", SMSTSRebootMessage: "Now" },
    notices: ["5 Now", "0 ", "0 "],
  },
  {
    rule: "what is no number is no time",
    variables: { SMSTSRebootDelay: "soon" },
    notices: ["0 ", "0 ", "0 "],
  },
];

for (const { notices, own, rule, variables = {} } of restartRows) {
  test(`restarts: ${rule}`, async () => {
    const first = own === undefined ? step("first") : restart;
    const nodes = [first, step("second"), step("third")];
    const scripts = {
      [first.name]: { sets: { ...asks, ...own } },
      second: { sets: asks },
      third: { codes: [3010] },
    };
    const found: string[] = [];
    let state: RunState = startState();
    let values: Record<string, string> = { ...variables };
    for (let count = 0; count < notices.length; count += 1) {
      const ran = await interpretNodes(nodes, { scripts, variables: values, state });
      assert.ok(ran.end?.kind === "restart");
      const { notice } = ran.end;
      found.push(`${notice?.seconds} ${notice?.message}`);
      ({ state } = ran);
      values = Object.fromEntries(ran.variables.names().map((name) => [name, ran.variables.get(name)]));
    }
    assert.deepEqual(found, notices);
  });
}

test("SMSTSWaitForSecondReboot and SetupCompletePause: the seconds that the sequence rests after that restart", async () => {
  const variables = { SMSTSWaitForSecondReboot: "600", SetupCompletePause: "30" };
  const rows: [string, number[]][] = [
    ["InstallUpdate", [600]],
    ["UpgradeOperatingSystem", [30]],
    ["RunCommandLine", []],
  ];
  for (const [type, rests] of rows) {
    const nodes = [step("asks", { type }), step("after")];
    const before = await interpretNodes(nodes, { scripts: { asks: { sets: asks } }, variables });
    assert.equal(before.end?.kind, "restart");
    assert.deepEqual(before.rests, [], "it rests after the restart and not before");
    const after = await interpretNodes(nodes, { variables, state: before.state });
    assert.deepEqual(after.rests, rests, type);
    assert.deepEqual(after.performed, ["after"]);
  }
});

test("SMSTSDownloadRetryCount: that many tries after the first, and no more", async (context) => {
  for (const { count, failures, arrives } of [
    { count: 2, failures: 2, arrives: true },
    { count: 2, failures: 3, arrives: false },
    { count: 0, failures: 1, arrives: false },
  ]) {
    let tries = 0;
    const site = {
      packageFacts: async () => packageOfFile,
      packagePiece: async () => {
        tries += 1;
        if (tries <= failures) throw new VolleyError("E_SITE_UNREACHABLE", "away");
        return Buffer.from("abc");
      },
    } as unknown as DeploymentSite;
    const say = (): void => {};
    const content = siteContent({
      site,
      siteAddress: { host: "127.0.0.1", port: 1 },
      cast: async () => false,
      folder: testFolder(context),
      log: { info: say, warning: say, error: say, detail: say },
      signal: new AbortController().signal,
    });
    const fetched = content.folderOf("ABC00001", { count, delayMs: 1 });
    if (arrives) await fetched;
    else await assert.rejects(fetched, { code: "E_SITE_UNREACHABLE" });
    assert.equal(tries, Math.min(count, failures) + 1);
  }
});

test("SMSTSDownloadRetryCount is 2 and SMSTSDownloadRetryDelay 15 by default; neither set, the site is waited for", async () => {
  const rows: [Record<string, string>, DownloadRetries | undefined][] = [
    [{}, undefined],
    [{ SMSTSDownloadRetryCount: "7" }, { count: 7, delayMs: 15_000 }],
    [{ SMSTSDownloadRetryDelay: "3" }, { count: 2, delayMs: 3000 }],
    [
      { SMSTSDownloadRetryCount: "0", SMSTSDownloadRetryDelay: "0" },
      { count: 0, delayMs: 0 },
    ],
  ];
  for (const [variables, expected] of rows) {
    const environment = new SequenceEnvironment({ processVariables: {}, onHidden: () => {} });
    for (const [name, value] of Object.entries(variables)) environment.set(name, value);
    const own = [{ name: "P", property: "DownloadPackages", value: "ABC00001", hidden: true, line: 1 }];
    const node = step("fetch", { type: "DownloadPackageContent", variables: own });
    const [instruction] = flatten(sequence(node), () => null).instructions;
    let asked: DownloadRetries | undefined;
    const say = (): void => {};
    const { exitCode } = await performStep(instruction as StepInstruction, environment.forStep(own), "mark", {
      system: "linux",
      environment: {},
      content: {
        folderOf: async (_id: string, retries?: DownloadRetries) => {
          asked = retries;
          return "/";
        },
      },
      log: { info: say, warning: say, error: say, detail: say },
      onStep: say,
      progress: say,
      signal: new AbortController().signal,
      endTree: async () => [],
    } as unknown as Parameters<typeof performStep>[3]);
    assert.equal(exitCode, 0);
    assert.deepEqual(asked, expected);
  }
});

test("SMSTSDriverRequest…TimeOut: 60 seconds, and 480 to receive; none set, the site is waited for", async () => {
  const rows: [Record<string, string>, DriverRequestTimes | undefined | "refused"][] = [
    [{}, undefined],
    [
      { SMSTSDriverRequestConnectTimeOut: "5" },
      { resolveMs: 60_000, connectMs: 5000, sendMs: 60_000, receiveMs: 480_000 },
    ],
    [
      {
        SMSTSDriverRequestReceiveTimeOut: "9",
        SMSTSDriverRequestSendTimeOut: "8",
        SMSTSDriverRequestResolveTimeOut: "7",
      },
      { resolveMs: 7000, connectMs: 60_000, sendMs: 8000, receiveMs: 9000 },
    ],
    [{ SMSTSDriverRequestConnectTimeOut: "soon" }, "refused"],
  ];
  for (const [variables, expected] of rows) {
    let asked: DriverRequestTimes | undefined | "refused" = "refused";
    const services: StepServices = {
      devices: { list: async () => [] },
      driverCatalogue: {
        packages: async (_categories, _devices, times) => {
          asked = times;
          throw new VolleyError("E_SITE_UNREACHABLE", "enough seen");
        },
      },
    };
    const context = testContext({
      system: "winpe",
      variables: { OSDTargetSystemDrive: "C:", ...variables },
      services,
    });
    assert.notEqual((await autoApplyDrivers.perform(context)).exitCode, 0);
    assert.deepEqual(asked, expected, JSON.stringify(variables));
  }
});

test("a request to the site is given up when one of its phases takes longer than it may", async (context) => {
  // It takes connections and never says a word, so that TLS never begins.
  const server = createServer(() => {});
  await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  const transport = openTransport({ host: "127.0.0.1", port }, null);
  context.after(() => {
    transport.close();
    server.close();
  });
  const long = 600_000;
  const phases = { resolveMs: 50, connectMs: 50, sendMs: long, receiveMs: long };
  await assert.rejects(transport.call({ method: "GET", path: "/", phases }), (error: VolleyError) => {
    assert.equal(error.code, "E_SITE_UNREACHABLE");
    assert.match(error.detail, /(connecting|resolving the name) took longer than 0.05 s/);
    return true;
  });
});

const supportOf = (): undefined => undefined;

test("a variable that does nothing here is named with the reason, where it is first set to something", async () => {
  const set = (name: string): string =>
    stepOf(
      "SetVariableAction",
      "",
      variable("VariableName", "VariableName", name) + variable("VariableValue", "VariableValue", "x"),
    );
  const file = sequenceOf(
    [
      set("smstspeerdownload"),
      set("SMSTSPeerDownload"),
      set("SMSTSAssignUsersMode"),
      set("SMSTSDownloadRetryCount"),
      stepOf("RunCommandLineAction", "", variable("LoadProfile", "LoadProfile", "false")),
      stepOf(
        "SetDynamicVariablesAction",
        "",
        variable(
          "Rules",
          "Rules",
          "&lt;Rules&gt;&lt;Rule&gt;&lt;Variable Name=&quot;SMSTSUDAUsers&quot;&gt;x&lt;/Variable&gt;&lt;/Rule&gt;&lt;/Rules&gt;",
        ),
      ),
    ].join("\n"),
  );
  const [read] = await readSequences(Buffer.from(file));
  assert.ok(read);
  const { problems } = checkSequence(read, { supportOf });
  const idle = problems.filter(({ text }) => text.includes("does nothing here: "));
  assert.deepEqual(
    idle.map(({ severity, text }) => `${severity} ${text.split(":")[0]}`),
    ["smstspeerdownload", "SMSTSAssignUsersMode", "SMSTSUDAUsers"].map(
      (name) => `warning ${name} does nothing here`,
    ),
  );
  assert.equal(
    idle[0]?.line,
    read.sequence.nodes[0]?.kind === "step" ? read.sequence.nodes[0].variables[0]?.line : 0,
  );
});

test("every documented variable of the engine is read by it, or said to do nothing", () => {
  const [exact, forms] = namesInSources("agent");
  const unread = engineVariables.filter((name) => {
    const key = name.toLowerCase();
    return !idleNames.has(key) && !exact.has(key) && !forms.some((form) => form.test(name));
  });
  assert.deepEqual(unread, []);
});

/** What the console and the toolkit's editor write down for people, and for themselves. */
const described = new Set(
  `OSDAdapter OSDPackageCount OSDPackage OSDPackage#PkgType OSDApp OSDApp#DisplayName OSRoleIndex DestinationOSRefresh
  OSDSubTasksequenceTsReferenceApplications OSDSubTasksequenceTsReferencePackages`.split(/\s+/),
);
/** Read under a name that is put together, or with the step's attributes. */
const madeUp = /^(Uninstall)?OS(Roles|RoleServices|Features)$|SuccessCodes$/;

test("every documented variable of a step is read by its name or its property's, or said to do nothing", () => {
  const [exact] = namesInSources("agent");
  const isKnown = (name: string): boolean =>
    exact.has(name.toLowerCase().replace(/^.*#/, "")) || idleNames.has(name.toLowerCase());
  const unread: string[] = [];
  for (const { type, variables } of [...configurationManagerSteps, ...toolkitSteps]) {
    for (const word of `${variables} ${toolkitVariables.get(type) ?? ""}`.trim().split(/\s+/)) {
      const [name = "", property = name] = word.split("=");
      // Of a toolkit's step the check says that nobody runs it as another account.
      const apart = name.startsWith("SMSTSRunCommandLineUser") || described.has(name) || madeUp.test(name);
      const read = apart || word === "" || word === "null" || isKnown(name) || isKnown(property);
      if (!read) unread.push(`${type} ${word}`);
    }
  }
  assert.deepEqual(unread, []);
});

test("an account on a step that is not run as one is named by the check", async () => {
  const account = variable("RunAsUser", "RunAsUser", "true");
  const rows: [string, boolean][] = [
    ["RunCommandLineAction", false],
    ["PartitionDiskAction", true],
  ];
  for (const [type, isNamed] of rows) {
    const [read] = await readSequences(Buffer.from(sequenceOf(stepOf(type, "", account))));
    assert.ok(read);
    const checkStep = (one: SequenceStep): string[] => findStepKind(one.type ?? "")?.check(one) ?? [];
    const { problems } = checkSequence(read, { supportOf, checkStep });
    assert.equal(
      problems.some(({ text }) => text.includes("RunAsUser does nothing here")),
      isNamed,
      type,
    );
  }
});

/** Names in quotes, and those that are put together from a beginning and an end. */
function namesInSources(folder: string): [Set<string>, RegExp[]] {
  const exact = new Set<string>();
  const forms: RegExp[] = [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && !/checking|step-types|agent.sequence.limits/.test(name),
  );
  for (const name of files) {
    const text = readFileSync(join(folder, name), "utf8");
    for (const [, word = ""] of text.matchAll(/"([A-Za-z_]\w{2,60})"/g)) exact.add(word.toLowerCase());
    for (const [, form = ""] of text.matchAll(/`(SMSTS\w*\$\{\w+\}\w+)`/g)) {
      forms.push(new RegExp(`^${form.replace(/\$\{\w+\}/, "\\w+")}$`, "i"));
    }
  }
  return [exact, forms];
}
