/** `volley-agent sequence run`: a task sequence from a file on this machine, without a site. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VolleyError } from "../contract/errors.ts";
import type { ConsoleLines } from "./console-lines.ts";
import type { Asker } from "./imaging/plan.ts";
import { performStep, type StepPerformer } from "./perform-step.ts";
import type { Platform } from "./platform/platform.ts";
import { logFolder } from "./report/log-places.ts";
import { openLogs, type Log } from "./report/logs.ts";
import type { Redactor } from "./report/redactor.ts";
import type { Screen } from "./report/screen.ts";
import { folderStore, type SecretKey } from "./sequence/checkpoint.ts";
import { openDebugger, type SequenceDebugger } from "./sequence/debugger.ts";
import { startEnvironmentServer, type EnvironmentServer } from "./sequence/environment-server.ts";
import { SequenceEnvironment, type EnvironmentOptions } from "./sequence/environment.ts";
import { builtInVariables, type SequenceFacts } from "./sequence/facts.ts";
import type { StepInstruction } from "./sequence/instructions.ts";
import { planLines, planSequence } from "./sequence/plan.ts";
import { runSequence, type RanSequence } from "./sequence/run.ts";
import type { SystemName } from "./sequence/tree.ts";
import type { SequenceRunCommand } from "./sequence-command.ts";
import { errorDialogSeconds, failureLines, holdError, startPostAction } from "./sequence-end.ts";
import { standAloneFacts } from "./sequence-facts.ts";
import { loadProgram, type LoadedProgram } from "./sequence-files.ts";
import { conditionWorld } from "./sequence-world.ts";
import { openStateFolder, type StateFolder } from "./state-folder.ts";
import { machineServices } from "./step-services.ts";
import type { Content, StepKind } from "./steps/step.ts";

export interface SequenceRunner {
  platform: Platform;
  machineName: string;
  findKind(type: string): StepKind | null;
  /** The environment of this process. */
  environment: Readonly<Record<string, string | undefined>>;
  redactor: Redactor;
  screen: Screen;
  asker: Asker;
  lines: ConsoleLines;
  /** For people: the screen's output. */
  write(text: string): void;
  signal: AbortSignal;
}

/** Shorter hidden texts would black out ordinary words. */
const hiddenCharactersLeast = 3;
/** Of a path of a Unix socket, with room for its name. */
const socketFolderCharacters = 80;

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
    world: conditionWorld(environment, by.platform.sequenceMachine, workFolder(facts)),
    runsHere: (step) => runsHere(step, facts),
    unsupported: (step) => unsupported(step, by, system),
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

/**
 * Runs it, or takes it up where it was. Rejects with E_CANCELLED, after which the same command goes on, and with what
 * keeps it from being begun. How it ended has been shown.
 */
export async function runSequenceFile(command: SequenceRunCommand, by: SequenceRunner): Promise<RanSequence> {
  const loaded = await loadProgram(command.file);
  const { platform } = by;
  const flushFolder = (folder: string): void => platform.flushFolder(folder);
  const state = openStateFolder(command.stateFolder ?? platform.defaultStateFolder(), flushFolder);
  const hold = await platform.hold(`state ${state.path}`);
  if (hold === null) throw new VolleyError("E_OUTBOX", `Another agent is at work with ${state.path}`);
  const { facts, system } = await machineOf(by, loaded, state.path);
  const logs = openLogs({ folder: facts.logPath, redactor: by.redactor, screen: by.screen });
  const server = await startEnvironmentServer(socketPath(state));
  try {
    const log = logs.of("TSManager", "interpreter.ts");
    for (const { line, severity, text } of loaded.problems) {
      if (severity === "error") log.warning(`Line ${line}: ${text}`);
    }
    const steps = logs.of("Steps", "perform-step.ts");
    const performer = performerOf(command, by, { facts, loaded, log: steps, server, system });
    const ran = await runProgram(command, by, { facts, loaded, log, performer, state });
    by.screen.settle();
    await finish(ran, by, log);
    return ran;
  } finally {
    by.screen.settle();
    await server.close();
    logs.close();
    hold.release();
  }
}

interface Parts {
  loaded: LoadedProgram;
  facts: SequenceFacts;
  log: Log;
}

function runProgram(
  command: SequenceRunCommand,
  by: SequenceRunner,
  { facts, loaded, log, performer, state }: Parts & { performer: StepPerformer; state: StateFolder },
): Promise<RanSequence> {
  const { program } = loaded;
  const machine = by.platform.sequenceMachine;
  const open = (stepping: boolean): SequenceDebugger =>
    openDebugger({ program, breaks: command.breaks, stepping, console: debuggerConsole(by) });
  let inspector = command.breaks.length > 0 ? open(false) : null;
  return runSequence({
    program,
    facts,
    layers: layers(command),
    ...environmentOptions(by),
    stores: [folderStore(state)],
    secretKey: localKey(state),
    world: (environment) => conditionWorld(environment, machine, workFolder(facts)),
    perform: (step, variables, mark) => performStep(step, variables, mark, performer),
    isRepeatable: (step) => by.findKind(step.node.type ?? "")?.repeatable ?? true,
    runsHere: (step) => runsHere(step, facts),
    endLeft: (mark) => machine.endProcessTree(null, mark),
    // Without a site nobody is told; smsts.log says the same.
    status: () => {},
    log,
    async pause(instruction, _state, environment) {
      if (by.signal.aborted) throw new VolleyError("E_CANCELLED", "The sequence was stopped");
      if (/^true$/i.test(environment.get("TSDebugMode"))) inspector ??= open(true);
      return inspector === null ? { kind: "go" } : inspector.pause(instruction, environment);
    },
  });
}

/** The steps' share: what they run with, and what is seen of them. */
function performerOf(
  command: SequenceRunCommand,
  by: SequenceRunner,
  { facts, loaded, log, server, system }: Parts & { server: EnvironmentServer; system: SystemName },
): StepPerformer {
  const show = ({ node, number }: StepInstruction, fraction: number, doing: string): void => {
    const { name, steps } = loaded.program;
    const [step, does] = [by.redactor.clean(node.name), by.redactor.clean(doing)];
    by.screen.sequence({ title: name, step, number, total: steps, fraction, doing: does });
  };
  return {
    findKind: (type) => by.findKind(type),
    system,
    environment: { ...by.environment, ...server.variables },
    content: folderContent(command.packagesFolder),
    services: machineServices({ ...by, work: workFolder(facts), yes: command.yes }),
    log,
    onStep(step, variables) {
      server.serve(variables);
      if (variables !== null) show(step, 0, "");
    },
    progress: show,
    signal: by.signal,
    endTree: (root, mark) => by.platform.sequenceMachine.endProcessTree(root, mark),
  };
}

async function finish({ end, environment }: RanSequence, by: SequenceRunner, log: Log): Promise<void> {
  if (end.kind === "restart") {
    const target = end.target === "HD" ? "its installed system" : "the boot image";
    log.info(`The computer has to restart into ${target}; then the same command goes on`);
    return;
  }
  if (end.kind === "succeeded") log.info("The task sequence has succeeded");
  else {
    for (const line of failureLines(end)) by.write(`${by.redactor.clean(line)}\n`);
    const seconds = errorDialogSeconds(environment.get("SMSTSErrorDialogTimeout"));
    if (by.asker.interactive) await holdError(seconds, by.lines, by.signal);
  }
  const postAction = environment.expand(environment.get("SMSTSPostAction"));
  if (postAction === "") return;
  log.detail(`Executing the post action: ${postAction}`);
  startPostAction(postAction, by.environment);
}

async function machineOf(
  by: SequenceRunner,
  { sequence }: LoadedProgram,
  stateFolder: string,
): Promise<{ facts: SequenceFacts; system: SystemName }> {
  const hardware = await by.platform.identify();
  const system: SystemName = hardware.operatingSystem === "linux-pe" ? "linuxpe" : hardware.operatingSystem;
  const windowsFolder = by.environment["SystemRoot"] ?? "C:\\Windows";
  const phase = { system, stateFolder, dataDrive: null, windowsFolder, hasClient: false, isDone: false };
  const facts = await standAloneFacts({
    machineName: by.machineName,
    hardware,
    machine: by.platform.sequenceMachine,
    sequence,
    logPath: logFolder(phase),
    dataPath: stateFolder,
  });
  return { facts, system };
}

function environmentOptions(by: SequenceRunner): EnvironmentOptions {
  return {
    processVariables: by.environment,
    onHidden: (value) => by.redactor.add(value, hiddenCharactersLeast),
  };
}

/** What is set on the command line stands for the device's variables. */
function layers({ settings }: SequenceRunCommand) {
  return { device: settings.map((setting) => ({ ...setting, hidden: false })) };
}

const workFolder = (facts: SequenceFacts): string => join(facts.dataPath, "work");

function runsHere({ node }: StepInstruction, { inPe }: SequenceFacts): boolean {
  return node.runIn === "WinPEandFullOS" || (node.runIn === "WinPE") === inPe;
}

function unsupported({ node }: StepInstruction, by: SequenceRunner, system: SystemName): string | null {
  const kind = by.findKind(node.type ?? "");
  if (kind === null) return `This agent does not know the step type "${node.writtenType}"`;
  const support = kind.support[system];
  return support.kind === "unsupported" ? `It does not run here: ${support.reason}` : null;
}

/** A path of a socket has to be short. */
function socketPath(state: StateFolder): string {
  const isShort = state.path.length <= socketFolderCharacters;
  return join(isShort ? state.path : mkdtempSync(join(tmpdir(), "volley-")), "environment.socket");
}

function debuggerConsole({ lines, redactor, screen, signal, write }: SequenceRunner) {
  return {
    write: (text: string) => write(redactor.clean(text)),
    ask(question: string) {
      screen.settle();
      write(question);
      return lines.next(signal);
    },
  };
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
    async folderOf(packageId) {
      const isName = /^[A-Za-z0-9_-]+$/.test(packageId);
      const folder = packagesFolder === null || !isName ? null : join(packagesFolder, packageId);
      if (folder !== null && statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) {
        return folder;
      }
      const hint = packagesFolder === null ? "--packages names the folder that has them" : packagesFolder;
      throw new VolleyError("E_NOT_FOUND", `Package ${packageId} is not there (${hint})`);
    },
  };
}
