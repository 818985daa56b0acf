/**
 * A sequence as the toolkit's template for clients has it, with nothing but what its editor writes: from a bare disk to the
 * restart into the new system, and on in it. It has no step that hands over, and sets Windows up before it is there.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { checkSequence } from "../../../../agent/sequence/check.ts";
import type { CheckpointStore } from "../../../../agent/sequence/checkpoint.ts";
import type { ConditionWorld } from "../../../../agent/sequence/conditions/evaluate.ts";
import { flatten } from "../../../../agent/sequence/instructions.ts";
import { readSequences } from "../../../../agent/sequence/reading/read.ts";
import { runSequence, type RanSequence } from "../../../../agent/sequence/run.ts";
import type { SystemName } from "../../../../agent/sequence/tree.ts";
import { findStepKind } from "../../../../agent/steps/catalogue.ts";
import type { ReadinessFacts, StepServices } from "../../../../agent/steps/services.ts";
import type { Tools } from "../../../../agent/steps/step.ts";
import { hostPath } from "../../../../agent/steps/volumes.ts";
import { testFolder } from "../../../fixtures/folder.ts";
import { disksOf, loopDisk } from "../../../fixtures/loop-disk.ts";
import { sequenceFacts } from "../../../fixtures/sequence-facts.ts";
import { performing } from "../../../fixtures/performing.ts";
import { processTools, testContext } from "../../../fixtures/step-context.ts";
import { writeWim, writeWindows } from "../../../fixtures/windows-image.ts";
import { allTools } from "../../../fixtures/windows-tools/all.ts";
import { doubleMachine, windowsTools } from "../../../fixtures/windows-tools/machine.ts";
import { registryOf } from "../../../fixtures/windows-tools/user-tools.ts";

const guid = "{11111111-2222-3333-4444-555555555555}";
const script = (name: string, file: string, more = ""): string =>
  `<step name="${name}" successCodeList="0 3010" startIn=""${more}><action>cscript.exe "%SCRIPTROOT%\\${file}"</action></step>`;
const typed = (type: string, name: string, file: string, variables: Record<string, string>): string => {
  const list = Object.entries(variables).map(
    ([key, value]) =>
      `<variable name="${key}" property="${key.replace(/^OSD(?=Part|DiskI)/, "")}">${value}</variable>`,
  );
  return `<step type="${type}" name="${name}" successCodeList="0 3010" startIn=""><defaultVarList>${list.join("")}</defaultVarList><action>cscript.exe "%SCRIPTROOT%\\${file}"</action></step>`;
};
const when = (name: string, value: string, operator = "equals"): string =>
  `<condition><expression type="SMS_TaskSequence_VariableConditionExpression"><variable name="Variable">${name}</variable><variable name="Operator">${operator}</variable><variable name="Value">${value}</variable></expression></condition>`;
const group = (name: string, condition: string, ...steps: string[]): string =>
  `<group name="${name}" expand="true">${condition}${steps.join("\n")}</group>`;
const next = script("Next Phase", "ZTINextPhase.wsf");
const gather = typed("BDD_Gather", "Gather local only", "ZTIGather.wsf", {
  GatherLocalOnly: "true",
  RulesFile: "",
});
const restart =
  '<step type="SMS_TaskSequence_RebootAction" name="Restart computer" successCodeList="0 3010"><defaultVarList><variable name="Message" property="Message"></variable><variable name="MessageTimeout" property="MessageTimeout">60</variable><variable name="Target" property="Target"></variable></defaultVarList><action>smsboot.exe /target:WinPE</action></step>';
const partition = (
  index: number,
  type: string,
  fileSystem: string,
  size: string,
  unit: string,
  more = "",
) => ({
  [`OSDPartitions${index}Type`]: type,
  [`OSDPartitions${index}FileSystem`]: fileSystem,
  [`OSDPartitions${index}Size`]: size,
  [`OSDPartitions${index}SizeUnits`]: unit,
  [`OSDPartitions${index}VolumeLetterVariable`]: more,
});

const clientSequence = `<sequence version="3.00" name="Client" description="">
<globalVarList><variable name="OSGUID" property="OSGUID">${guid}</variable></globalVarList>
${group("Initialization", "", gather)}
${group(
  "Validation",
  when("PHASE", "VALIDATION"),
  typed("BDD_Validate", "Validate", "ZTIValidate.wsf", { ImageMemory: "768", VerifyOS: "CLIENT" }),
  script("Check BIOS", "ZTIBIOSCheck.wsf"),
  next,
)}
${group(
  "State Capture",
  when("PHASE", "STATECAPTURE"),
  script("Generate Application Migration File", 'ZTIAppXmlGen.wsf" /capture "'),
  script("Capture User State", 'ZTIUserState.wsf" /capture "'),
  script("Capture Groups", 'ZTIGroups.wsf" /capture "'),
  script("Capture Network Settings", "ZTINicConfig.wsf"),
  group(
    "Refresh only",
    when("DeploymentType", "REFRESH"),
    script("Apply Windows PE", 'LTIApply.wsf" /PE "'),
    restart,
  ),
  next,
)}
${group(
  "Preinstall",
  when("PHASE", "PREINSTALL"),
  gather,
  group(
    "New Computer only",
    when("DeploymentType", "NEWCOMPUTER"),
    typed("SMS_TaskSequence_PartitionDiskAction", "Format and Partition Disk", "ZTIDiskpart.wsf", {
      OSDDiskIndex: "0",
      ...partition(0, "EFI", "FAT32", "100", "MB"),
      ...partition(1, "MSR", "NTFS", "16", "MB"),
      ...partition(2, "Primary", "NTFS", "99", "%", "OSDisk"),
      OSDPartitions: "3",
      OSDPartitionStyle: "GPT",
    }),
    script("Copy scripts", "LTICopyScripts.wsf"),
  ),
  script("Configure", "ZTIConfigure.wsf"),
  script("Enable BitLocker (Offline)", "ZTIBDE.wsf"),
  typed("BDD_InjectDrivers", "Inject Drivers", "ZTIDrivers.wsf", { DriverSelectionProfile: "Nothing" }),
  typed("BDD_InstallUpdatesOffline", "Apply Patches", "ZTIPatches.wsf", {
    PackageSelectionProfile: "All Packages",
  }),
  next,
)}
${group(
  "Install",
  when("PHASE", "INSTALL"),
  typed("BDD_InstallOS", "Install Operating System", "LTIApply.wsf", {
    OSGUID: guid,
    DestinationDisk: "0",
    DestinationPartition: "1",
    DestinationOSVariable: "OSDisk",
    DestinationOSInstallType: "ByVariable",
  }),
  next,
)}
${group("Postinstall", when("PHASE", "POSTINSTALL"), script("Copy Scripts", "LTICopyScripts.wsf"), next, restart)}
${group(
  "State Restore",
  when("PHASE", "STATERESTORE"),
  gather,
  script("Post-Apply Cleanup", 'LTIApply.wsf" /post "'),
  typed("BDD_RecoverDomainJoin", "Recover From Domain", "ZTIDomainJoin.wsf", { DomainErrorRecovery: "Auto" }),
  script("Tattoo", "ZTITatoo.wsf"),
  typed("BDD_InstallApplication", "Install Applications", "ZTIApplications.wsf", { ApplicationGUID: "" }),
  script("Restore User State", 'ZTIUserState.wsf" /restore "'),
  script("Restore Groups", 'ZTIGroups.wsf" /restore "'),
  group(
    "Policies",
    when("ApplyGPOPack", "NO", "notEquals"),
    script("Apply Local GPO Package", "ZTIApplyGPOPack.wsf"),
  ),
  next,
)}
</sequence>`;

const facts: ReadinessFacts = {
  memoryMegabytes: 4096,
  processorMegahertz: 2000,
  freeDiskMegabytes: 1000,
  operatingSystem: "client",
  architecture: "64-bit",
  operatingSystemVersion: "10.0.22631",
  clientVersion: null,
  operatingSystemLanguage: 1033,
  onMainsPower: true,
  networkConnected: true,
  wiredNetworkConnected: true,
  uefi: true,
  tpm: null,
  chassisType: 10,
};

/** A checkpoint in memory, through JSON as on a disk. */
function memoryStore(): CheckpointStore {
  let kept: string | null = null;
  return {
    load: async () => (kept === null ? null : (JSON.parse(kept) as unknown)),
    save: async (checkpoint) => void (kept = JSON.stringify(checkpoint)),
    remove: async () => void (kept = null),
  };
}

interface Start {
  system: SystemName;
  services: StepServices;
  tools: Tools;
}

test("a template of the toolkit deploys a new computer, and goes on in the new system", async (t) => {
  const folder = testFolder(t);
  const disk = loopDisk(t, { megabytes: 700 });
  writeWindows(join(folder, "windows"));
  writeWim(join(folder, "image", "install.wim"), [join(folder, "windows")]);
  const agent = join(folder, "agent");
  mkdirSync(agent);
  writeFileSync(join(agent, "volley-agent.exe"), "agent");
  const [read] = await readSequences(Buffer.from(clientSequence));
  assert.ok(read);
  const check = checkSequence(read, { supportOf: (type) => findStepKind(type)?.support });
  assert.deepEqual(check.problems, [], "the template of the toolkit is nothing to warn of");
  const program = flatten(read.sequence, () => null);
  const store = memoryStore();
  const machine = doubleMachine({ inPe: false });
  const lines: string[] = [];
  const say = (text: string): void => void lines.push(text);
  const log = { detail: say, info: say, warning: say, error: say };
  const start = ({ services, system, tools }: Start): Promise<RanSequence> =>
    runSequence({
      program,
      facts: sequenceFacts({ inPe: system === "linuxpe", machineName: "PC-7" }),
      layers: { device: [{ name: "OSDComputerName", value: "LAB-7", hidden: false }] },
      processVariables: {},
      stores: [store],
      secretKey: { key: async () => Buffer.alloc(32, 1) },
      onHidden: () => {},
      world: (variables) => ({ variables }) as unknown as ConditionWorld,
      perform: performing({ system, tools, packages: { [guid]: join(folder, "image") }, services, log }),
      isRepeatable: () => true,
      runsHere: () => true,
      endLeft: async () => 0,
      rest: async () => {},
      status: () => {},
      log,
    });
  const inPe: StepServices = {
    disks: disksOf(disk),
    plans: { show: async () => {} },
    folders: { work: join(folder, "work") },
    readiness: { facts: async () => facts },
    agentFiles: {
      windows: async () => ({ folder: agent, place: "Volley\\Agent", command: "volley-agent.exe resume" }),
    },
  };
  const first = await start({ system: "linuxpe", services: inPe, tools: processTools });
  const told = lines.join("\n");
  assert.ok(first.end.kind === "restart", `${JSON.stringify(first.end)}\n${told.slice(-3000)}`);
  assert.equal(first.end.target, "HD", "into what was applied, whatever the step's command line says");
  const { environment } = first;
  assert.equal(environment.get("PHASE"), "STATERESTORE");
  assert.equal(environment.get("DeploymentType"), "NEWCOMPUTER");
  assert.equal(environment.get("IsLaptop"), "True");
  const context = testContext({
    variables: Object.fromEntries(environment.names().map((name) => [name, environment.get(name)])),
    services: inPe,
  });
  const root = await hostPath(context, "C:\\");
  assert.ok(existsSync(join(root, "Users/Public/marker.txt")));
  const answer = readFileSync(join(root, "Windows/Panther/Unattend/Unattend.xml"), "utf8");
  assert.match(answer, /<ComputerName>LAB-7</, "Configure came before the image, and is done after it");
  assert.ok(existsSync(join(root, "Windows/Volley/Agent/volley-agent.exe")), "the agent is handed over");
  assert.match(readFileSync(join(root, "Windows/Setup/Scripts/SetupComplete.cmd"), "utf8"), /resume/);
  execFileSync("umount", [root]);
  lines.length = 0;
  const second = await start({
    system: "windows",
    services: { folders: { work: join(folder, "work") }, readiness: { facts: async () => facts } },
    tools: windowsTools(machine, allTools()),
  });
  assert.equal(second.end.kind, "succeeded", lines.join("\n").slice(-3000));
  const mark = registryOf(machine).get("hklm\\software\\microsoft\\deployment 4");
  assert.equal(mark?.get("deployment type"), "REG_SZ NEWCOMPUTER", "Tattoo marks the new system");
});
