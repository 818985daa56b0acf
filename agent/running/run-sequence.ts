/** `volley-agent sequence run`: a task sequence from a file on this machine, without a site. */
import { findStepKind } from "../steps/catalogue.ts";
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { logFolder } from "../report/log-places.ts";
import { openLogs } from "../report/logs.ts";
import { folderStore, type SecretKey } from "../sequence/checkpoint.ts";
import { SequenceEnvironment } from "../sequence/environment.ts";
import { builtInVariables, type SequenceFacts } from "../sequence/facts.ts";
import type { StepInstruction } from "../sequence/instructions.ts";
import { planLines, planSequence } from "../sequence/plan.ts";
import type { RanSequence } from "../sequence/run.ts";
import type { SystemName } from "../sequence/tree.ts";
import { standAloneFacts } from "./sequence-facts.ts";
import { loadProgram, type LoadedProgram } from "./sequence-files.ts";
import {
  disksOf,
  environmentOptions,
  runLoaded,
  runsHere,
  workFolder,
  type SequenceRunner,
} from "./sequence-runner.ts";
import { conditionWorld } from "./sequence-world.ts";
import { openStateFolder, type StateFolder } from "../state-folder.ts";
import { machineServices } from "./step-services.ts";
import type { Content } from "../steps/step.ts";

/** What was asked for, on the command line. */
export interface SequenceRunCommand {
  action: "run";
  file: string;
  stateFolder: string | null;
  /** Stand for the device's variables. */
  settings: { name: string; value: string }[];
  dryRun: boolean;
  /** Numbers or names of instructions to stop at. */
  breaks: string[];
  packagesFolder: string | null;
  /** Write disks without asking. */
  yes: boolean;
  json: boolean;
}

/** The plan as text. Nothing is written anywhere. Rejects with what keeps it from being planned. */
export async function planSequenceFile(command: SequenceRunCommand, by: SequenceRunner): Promise<string> {
  const loaded = await loadProgram(command.file);
  const { program } = loaded;
  const { facts, system } = await machineOf(
    by,
    loaded,
    command.stateFolder ?? by.platform.defaultStateFolder(),
  );
  const environment = new SequenceEnvironment(environmentOptions(by));
  environment.lay({ ...layers(command), globals: program.globals });
  for (const { name, value } of builtInVariables(facts)) environment.set(name, value, { readOnly: true });
  const planned = await planSequence(program, {
    world: conditionWorld({
      variables: environment,
      machine: by.platform.sequenceMachine,
      work: workFolder(facts),
      disks: disksOf({}, by),
    }),
    runsHere: (step) => runsHere(step, facts),
    unsupported: (step) => unsupported(step, system),
  });
  const { problems } = loaded;
  const json = {
    name: program.name,
    hash: program.hash,
    steps: program.steps,
    instructions: planned,
    problems,
  };
  const text = command.json ? JSON.stringify(json, null, 2) : planLines(program, planned).join("\n");
  return `${by.redactor.clean(text)}\n`;
}

/** As runLoaded. */
export async function runSequenceFile(command: SequenceRunCommand, by: SequenceRunner): Promise<RanSequence> {
  const loaded = await loadProgram(command.file);
  const { platform } = by;
  const flushFolder = (folder: string): void => platform.flushFolder(folder);
  const state = openStateFolder(command.stateFolder ?? platform.defaultStateFolder(), flushFolder);
  const hold = await platform.hold(`state ${state.path}`);
  if (hold === null) throw new VolleyError("E_OUTBOX", `Another agent is at work with ${state.path}`);
  const { facts, system } = await machineOf(by, loaded, state.path);
  const logs = openLogs({ folder: facts.logPath, redactor: by.redactor, screen: by.screen });
  const run = {
    loaded,
    facts,
    system,
    state,
    layers: layers(command),
    breaks: command.breaks,
    stores: [folderStore(state)] as const,
    secretKey: localKey(state),
    content: folderContent(command.packagesFolder),
    services: machineServices({ ...by, work: workFolder(facts), yes: command.yes }),
    // Without a site nobody is told; smsts.log says the same.
    status: () => {},
    logs,
  };
  try {
    return await runLoaded(run, by);
  } finally {
    logs.close();
    hold.release();
  }
}

async function machineOf(
  by: SequenceRunner,
  { sequence }: LoadedProgram,
  stateFolder: string,
): Promise<{ facts: SequenceFacts; system: SystemName }> {
  const hardware = await by.platform.identify();
  const system: SystemName = hardware.operatingSystem === "linux-pe" ? "linuxpe" : hardware.operatingSystem;
  const facts = await standAloneFacts({
    machineName: by.machineName,
    hardware,
    machine: by.platform.sequenceMachine,
    sequence,
    logPath: logFolder({ system, stateFolder, dataDrive: null }),
    dataPath: stateFolder,
  });
  return { facts, system };
}

/** What is set on the command line stands for the device's variables. */
function layers({ settings }: SequenceRunCommand) {
  return { device: settings.map((setting) => ({ ...setting, hidden: false })) };
}

function unsupported({ node }: StepInstruction, system: SystemName): string | null {
  const kind = findStepKind(node.type ?? "");
  if (kind === null) return `This agent does not know the step type "${node.writtenType}"`;
  const support = kind.support[system];
  return support.kind === "unsupported" ? `It does not run here: ${support.reason}` : null;
}

const keyFile = "sequence-key.json";
const keyShape = {
  parse(value: unknown): string {
    const { key } = value as { key?: unknown };
    if (typeof key === "string" && /^[0-9a-f]{64}$/.test(key)) return key;
    throw new TypeError("no key");
  },
};

/** Without a site there is nobody else to hold it: it keeps the secrets out of copies of the checkpoint alone. */
function localKey(state: StateFolder): SecretKey {
  return {
    async key() {
      const kept = state.read(keyFile, keyShape);
      const key = kept ?? randomBytes(32).toString("hex");
      if (kept === null) state.write(keyFile, { key });
      return Buffer.from(key, "hex");
    },
  };
}

/** Packages as folders that are named for them. */
function folderContent(packagesFolder: string | null): Content {
  return {
    async folderOf(packageId, _retries, at) {
      const isName = /^[A-Za-z0-9_-]+$/.test(packageId);
      const folder = packagesFolder === null || !isName ? null : join(packagesFolder, packageId);
      if (folder !== null) at?.(folder);
      if (folder !== null && statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) {
        return folder;
      }
      const hint = packagesFolder === null ? "--packages names the folder that has them" : packagesFolder;
      throw new VolleyError("E_NOT_FOUND", `Package ${packageId} is not there (${hint})`);
    },
  };
}
