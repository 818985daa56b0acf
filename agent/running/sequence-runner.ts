/** What a run of a task sequence needs on this machine, wherever the sequence came from; and the run itself. */
import { findStepKind } from "../steps/catalogue.ts";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { VolleyError } from "../../contract/errors.ts";
import { pause } from "../back-off.ts";
import type { ConsoleLines } from "../console-lines.ts";
import type { Asker } from "../imaging/plan.ts";
import type { RunningStep } from "../../contract/report.ts";
import { performStep, type StepPerformer } from "./perform-step.ts";
import { programEnvironment } from "./program-environment.ts";
import type { DiskFacts, Platform } from "../platform/platform.ts";
import { logFolder } from "../report/log-places.ts";
import type { Log, Logs } from "../report/logs.ts";
import type { Redactor } from "../report/redactor.ts";
import type { Screen } from "../report/screen.ts";
import { infoLevelOf, type SequenceView } from "../report/sequence-view.ts";
import type { CheckpointStore, SecretKey } from "../sequence/checkpoint.ts";
import { openDebugger, type SequenceDebugger } from "../sequence/debugger.ts";
import { startEnvironmentServer, type EnvironmentServer } from "../sequence/environment-server.ts";
import type { EnvironmentLayers, EnvironmentOptions, SequenceEnvironment } from "../sequence/environment.ts";
import type { ConditionWorld } from "../sequence/conditions/evaluate.ts";
import type { SequenceFacts } from "../sequence/facts.ts";
import type { StepInstruction } from "../sequence/instructions.ts";
import { runSequence, type RanSequence } from "../sequence/run.ts";
import type { SequenceStatus } from "../sequence/status.ts";
import type { SystemName } from "../sequence/tree.ts";
import {
  errorDialogSeconds,
  failureLines,
  holdError,
  startPostAction,
  type FailedEnd,
} from "./sequence-end.ts";
import type { LoadedProgram } from "./sequence-files.ts";
import { findInstalledVolume, noteInstalled, noteRollback } from "./found-at-start.ts";
import { foreseeSteps } from "./foresee.ts";
import { conditionWorld } from "./sequence-world.ts";
import type { StateFolder } from "../state-folder.ts";
import type { StepServices } from "../steps/services.ts";
import type { Content } from "../steps/step.ts";

/** Of this process, the same for every sequence that it runs. */
export interface SequenceRunner {
  platform: Platform;
  machineName: string;
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

/** Of one run. */
export interface LoadedRun {
  loaded: LoadedProgram;
  facts: SequenceFacts;
  system: SystemName;
  state: StateFolder;
  layers: EnvironmentLayers;
  /** Numbers or names of instructions to stop at. */
  breaks: readonly string[];
  stores: readonly [CheckpointStore, ...CheckpointStore[]];
  secretKey: SecretKey;
  content: Content;
  services: StepServices;
  status(status: SequenceStatus): void;
  /** A step begins; its name holds no secret. */
  atStep?(step: RunningStep): void;
  /** Before a person is given the time to read why. */
  failed?(end: FailedEnd): Promise<void>;
  /** While the volumes are still mounted. */
  beforeRestart?(ran: RanSequence): Promise<void>;
  logs: Logs;
}

/** Shorter hidden texts would black out ordinary words. */
const hiddenCharactersLeast = 3;

/**
 * Runs it, or takes it up where it was. Rejects with E_CANCELLED, after which the same run goes on, and with what keeps
 * it from being begun. How it ended has been shown.
 */
export async function runLoaded(given: LoadedRun, by: SequenceRunner): Promise<RanSequence> {
  const logPath = documentedLog(given, by, "") ?? given.facts.logPath;
  const run = { ...given, facts: { ...given.facts, logPath } };
  const server = await startEnvironmentServer(by.platform.sequenceMachine.socketPath(run.state.path));
  try {
    const log = run.logs.of("TSManager", "interpreter.ts");
    for (const { line, severity, text } of run.loaded.problems) {
      if (severity === "error") log.warning(`Line ${line}: ${text}`);
    }
    const performer = performerOf(run, by, server);
    const ran = await runProgram(run, by, { log, performer });
    if (ran.end.kind === "restart") await run.beforeRestart?.(ran);
    by.screen.settle();
    await finish(ran, run, by);
    return ran;
  } finally {
    by.screen.settle();
    await server.close();
    const left = await by.platform.sequenceMachine.releaseVolumes(workFolder(run.facts));
    for (const path of left) run.logs.of("TSManager", "sequence-runner.ts").warning(`${path} stays mounted`);
  }
}

async function runProgram(
  run: LoadedRun,
  by: SequenceRunner,
  { log, performer }: { log: Log; performer: StepPerformer },
): Promise<RanSequence> {
  const { breaks, facts } = run;
  const { program } = run.loaded;
  const machine = by.platform.sequenceMachine;
  const open = (stepping: boolean): SequenceDebugger =>
    openDebugger({ program, breaks, stepping, console: debuggerConsole(by) });
  const work = workFolder(facts);
  const disks = disksOf(run.services, by);
  const installed = run.system === "linuxpe" ? await findInstalledVolume(await disks(), machine, work) : null;
  let inspector = breaks.length > 0 ? open(false) : null;
  const world = (variables: SequenceEnvironment): ConditionWorld =>
    conditionWorld({ variables, machine, work, disks });
  return await runSequence({
    program,
    facts,
    layers: run.layers,
    ...environmentOptions(by),
    stores: run.stores,
    secretKey: run.secretKey,
    world,
    onEnvironment(environment) {
      noteRollback(environment, work);
      if (installed !== null) noteInstalled(environment, installed);
    },
    async foresee(pointer, environment) {
      if (!facts.inPe) return null;
      return await foreseeSteps(program, pointer, {
        environment,
        services: run.services,
        world: world(environment),
        runsHere: (step) => runsHere(step, facts),
      });
    },
    perform: (step, variables, mark) => performStep(step, variables, mark, performer),
    isRepeatable: (step) => findStepKind(step.node.type ?? "")?.repeatable ?? true,
    runsHere: (step) => runsHere(step, facts),
    endLeft: (mark) => machine.endProcessTree(null, mark),
    status: (status) => run.status(status),
    rest: (seconds) => pause(seconds * 1000, by.signal),
    log,
    async pause(instruction, environment, failure) {
      if (by.signal.aborted) throw new VolleyError("E_CANCELLED", "The sequence was stopped");
      const isOn = (name: string): boolean => /^true$/i.test(environment.get(name));
      if (failure !== null) {
        if (!isOn("TSDebugOnError")) return { kind: "go" };
        inspector ??= open(false);
        return inspector.pauseAtFailure(instruction, environment, failure);
      }
      if (isOn("TSDebugMode")) inspector ??= open(true);
      return inspector === null ? { kind: "go" } : inspector.pause(instruction, environment);
    },
  });
}

/** The steps' share: what they run with, and what is seen of them. */
function performerOf(run: LoadedRun, by: SequenceRunner, server: EnvironmentServer): StepPerformer {
  const { name, steps: total } = run.loaded.program;
  // As the variables stand when a step begins.
  let infoLevel: SequenceView["infoLevel"] = 1;
  let isHidden = false;
  let title = name;
  const show = ({ node, number }: StepInstruction, fraction: number, doing: string): void => {
    if (isHidden) return by.screen.sequence(null);
    const [step, does] = [by.redactor.clean(node.name), by.redactor.clean(doing)];
    by.screen.sequence({ title, step, number, total, fraction, doing: does, infoLevel });
  };
  return {
    system: run.system,
    environment: programEnvironment(by.environment, server.variables),
    content: run.content,
    services: { ...run.services, ownFiles: { close: () => run.logs.alsoIn(null) } },
    log: run.logs.of("Steps", "perform-step.ts"),
    onStep(step, variables) {
      server.serve(variables);
      if (variables === null) return;
      run.atStep?.({ number: step.number, total, name: by.redactor.clean(step.node.name) });
      // The disk may have been formatted since.
      const place = documentedLog(run, by, variables.get("OSDTargetSystemDrive"));
      if (place !== null) void run.logs.alsoIn(place);
      // "Stores the branding title name that the task sequence displays in the progress dialog."
      const organization = by.redactor.clean(variables.get("_SMSTSOrgName"));
      title = organization === "" ? name : `${organization}: ${name}`;
      infoLevel = infoLevelOf(variables.get("TSProgressInfoLevel"));
      isHidden = /^true$/i.test(variables.get("TSDisableProgressUI"));
      show(step, 0, "");
    },
    progress: show,
    signal: by.signal,
    endTree: (root, mark) => by.platform.sequenceMachine.endProcessTree(root, mark),
  };
}

/** Where Configuration Manager's smsts.log is in this phase; null on a system that has no such places. */
function documentedLog({ facts, system }: LoadedRun, by: SequenceRunner, targetDrive: string): string | null {
  const drive = (targetDrive || "C:").slice(0, 2);
  const root = by.platform.sequenceMachine.driveFolder(drive.slice(0, 1));
  if (root === null) return null;
  return logFolder({
    system,
    stateFolder: facts.dataPath,
    dataDrive: existsSync(root) ? drive : null,
  });
}

async function finish(
  { end, environment }: RanSequence,
  { failed, logs }: LoadedRun,
  by: SequenceRunner,
): Promise<void> {
  const log = logs.of("TSManager", "interpreter.ts");
  if (end.kind === "restart") {
    const target = end.target === "HD" ? "its installed system" : "the boot image";
    log.info(`The computer has to restart into ${target}; then the same command goes on`);
    return;
  }
  if (end.kind === "succeeded") log.info("The task sequence has succeeded");
  else {
    const lines = failureLines(end).map((line) => by.redactor.clean(line));
    by.write(`${lines.join("\n")}\n`);
    by.screen.failed(lines);
    await failed?.(end);
    const seconds = errorDialogSeconds(environment.get("SMSTSErrorDialogTimeout"));
    if (by.asker.interactive) await holdError(seconds, by.lines, by.signal);
  }
  const postAction = environment.expand(environment.get("SMSTSPostAction"));
  if (postAction === "") return;
  log.detail(`Executing the post action: ${postAction}`);
  startPostAction(postAction, by.environment);
}

export function environmentOptions(by: SequenceRunner): EnvironmentOptions {
  return {
    processVariables: by.environment,
    onHidden: (value) => by.redactor.add(value, hiddenCharactersLeast),
  };
}

/** Those that the steps see. */
export function disksOf({ disks }: StepServices, { platform }: SequenceRunner): () => Promise<DiskFacts[]> {
  return () => disks?.list() ?? platform.listDisks();
}

export const workFolder = (facts: SequenceFacts): string => join(facts.dataPath, "work");

export function runsHere({ node }: StepInstruction, { inPe }: SequenceFacts): boolean {
  return node.runIn === "WinPEandFullOS" || (node.runIn === "WinPE") === inPe;
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
