#!/usr/bin/env node
/** The only reader of the command line and the environment, and the place where the agent's parts are put together. */
import { hostname } from "node:os";
import { dirname } from "node:path";
import { isSea } from "node:sea";
import { errors, toVolleyError, VolleyError } from "../contract/errors.ts";
import { limits } from "../contract/limits.ts";
import type { MachineFacts } from "../contract/machine.ts";
import {
  helpText,
  parseCommandLine,
  type Command,
  type DeployCommand,
  wordsFor,
} from "./commands/command-line.ts";
import { disksText, factsText, titleOf } from "./commands/machine-text.ts";
import { openConsoleLines } from "./console-lines.ts";
import { type DoctorCommand, runDoctor, type Surroundings } from "./commands/doctor-command.ts";
import { completeDownload, type DownloadCommand, runDownload } from "./commands/download-command.ts";
import { askForVariables } from "./commands/env-command.ts";
import { readHandOver } from "./deploying/hand-over.ts";
import type * as Working from "./deploying/work.ts";
import { type ReceiveCommand, runReceive } from "./commands/receive-command.ts";
import { openPlatform } from "./platform/index.ts";
import { takeInventory } from "./platform/inventory.ts";
import type { Platform } from "./platform/platform.ts";
import { createRedactor, type Redactor } from "./report/redactor.ts";
import { openScreen } from "./report/open-screen.ts";
import type { Screen } from "./report/screen.ts";
import type { SequenceStep } from "./sequence/tree.ts";
import { failureOf, summaryOf } from "./running/sequence-end.ts";
import type { SequenceCommand } from "./commands/sequence-command.ts";
import type { SequenceRunCommand } from "./running/run-sequence.ts";
import type { SequenceRunner } from "./running/sequence-runner.ts";
import { fetchAuthority } from "./site/authority.ts";
import { readNamedFile, trust } from "./site/trust.ts";
import type { SiteChoice } from "./commands/site-options.ts";
import { openStateFolder } from "./state-folder.ts";
import { agentVersion } from "./version.ts";

const redactor = createRedactor();
const stop = new AbortController();

async function run(command: Command): Promise<void> {
  switch (command.kind) {
    case "help":
      process.stdout.write(helpText);
      return;
    case "version":
      process.stdout.write(`${agentVersion}\n`);
      return;
    case "inventory":
      process.stdout.write(`${JSON.stringify(await takeInventory())}\n`);
      return;
    case "identify":
      return writeOut(factsText(await factsOf(platformHere(), command.name), command.json));
    case "disks":
      return writeOut(disksText(await platformHere().listDisks(), command.json));
    case "sequence":
      return sequence(command.sequence);
    case "env":
      return writeOut(await askForVariables(command.env, process.env, readInput));
    case "doctor":
      return doctor(command.doctor, platformHere());
    case "download":
      return download(command.download, platformHere());
    case "receive":
      return receive(command.receive, platformHere());
    case "deploy":
      return deploy(command, platformHere());
    case "resume":
      return resume(command.stateFolder, platformHere());
  }
}

async function sequence(command: SequenceCommand): Promise<void> {
  switch (command.action) {
    case "check": {
      const { checkSequenceFile } = await import("./commands/sequence-command.ts");
      const { findStepKind } = await import("./steps/catalogue.ts");
      const stepCatalogue = {
        supportOf: (type: string) => findStepKind(type)?.support,
        checkStep: (step: SequenceStep) => findStepKind(step.type ?? "")?.check(step) ?? [],
      };
      return checkSequenceFile(command, stepCatalogue, writeOut);
    }
    case "run":
      return runSequenceCommand(command);
  }
}

/** With --json standard output is for programs, and people read standard error. */
async function runSequenceCommand(command: SequenceRunCommand): Promise<void> {
  const { planSequenceFile, runSequenceFile } = await import("./running/run-sequence.ts");
  const people = command.json ? process.stderr : process.stdout;
  const platform = platformHere();
  const runner = sequenceRunner({ platform, machineName: hostname(), people, screen: openScreen(people) });
  try {
    if (command.dryRun) return await writeOut(await planSequenceFile(command, runner));
    const ran = await runSequenceFile(command, runner);
    if (command.json) await writeOut(summaryOf(ran));
    if (ran.end.kind === "restart") process.exit(errors.E_RESTART_NEEDED.exitCode);
    if (ran.end.kind === "failed") throw failureOf(ran.end);
  } finally {
    runner.lines.close();
  }
}

function sequenceRunner(of: {
  platform: Platform;
  machineName: string;
  people: NodeJS.WriteStream;
  screen: Screen;
}): SequenceRunner {
  const { machineName, people, platform, screen } = of;
  const lines = openConsoleLines(process.stdin);
  const write = (text: string): void => void people.write(text);
  return {
    platform,
    machineName,
    environment: process.env,
    redactor,
    screen,
    asker: {
      interactive: process.stdin.isTTY && people.isTTY,
      async ask(question: string) {
        write(question);
        return (await lines.next(stop.signal)) ?? "";
      },
    },
    lines,
    write,
    signal: stop.signal,
  };
}

async function readInput(): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of process.stdin) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString("utf8");
}

/** Waits until it is out: the process ends as soon as a command is done. */
function writeOut(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

function platformHere(): Platform {
  return openPlatform({ selfCommand: selfCommand(), systemRoot: process.env["SystemRoot"] });
}

function selfCommand(): string[] {
  // Packaged, the second word is the executable again.
  const script = isSea() ? undefined : process.argv[1];
  return script === undefined ? [process.execPath] : [process.execPath, script];
}

async function factsOf(platform: Platform, name: string | null): Promise<MachineFacts> {
  const ownName = (name ?? hostname()).slice(0, limits.nameCharacters) || "unnamed";
  return { name: ownName, agentVersion, ...(await platform.identify()) };
}

/** Loaded only by what writes disks: a machine can be looked at before the addon is built. */
async function loadWork(): Promise<typeof Working> {
  try {
    return await import("./deploying/work.ts");
  } catch (error) {
    throw new VolleyError("E_TOOL_MISSING", (error as Error).message, { cause: error });
  }
}

function surroundings(command: SiteChoice, platform: Platform): Surroundings {
  return {
    platform,
    identify: () => factsOf(platform, command.name),
    readCredential: credentialReader(command),
    trust: (state) => trust(command, state, (fingerprint) => fetchAuthority(command.site, fingerprint)),
    onSecret: (secret) => redactor.add(secret),
    write: writeOut,
    signal: stop.signal,
  };
}

function doctor(command: DoctorCommand, platform: Platform): Promise<void> {
  return runDoctor(command, surroundings(command, platform));
}

async function download(command: DownloadCommand, platform: Platform): Promise<void> {
  const complete = completeDownload(command, dirname(process.execPath));
  const exitCode = await runDownload(complete, surroundings(complete.choice, platform));
  if (exitCode !== null) process.exit(exitCode);
}

/** Standard output may be the stream's. */
async function receive(command: ReceiveCommand, platform: Platform): Promise<void> {
  const screen = openScreen(process.stderr);
  const { asker, lines } = sequenceRunner({ platform, machineName: "", people: process.stderr, screen });
  const line = (text: string): void => screen.line(text);
  await runReceive(command, { platform, asker, signal: stop.signal, line }).finally(() => lines.close());
}

/** Where nothing was handed over there is nothing to do. */
async function resume(folder: string | null, platform: Platform): Promise<void> {
  const stateFolder = folder ?? platform.defaultStateFolder();
  const handed = readHandOver(openStateFolder(stateFolder, (path) => platform.flushFolder(path)));
  if (handed === null) return;
  const { deploymentId, disk, site, yes } = handed;
  const words = ["deploy", "--site", site, "--state", stateFolder, "--once", "--allow-restart"];
  if (disk !== null) words.push("--disk", disk);
  if (yes) words.push("--yes");
  const command = parseCommandLine(words);
  if (command.kind === "deploy") await deploy({ ...command, resumes: deploymentId }, platform);
}

async function deploy(command: DeployCommand, platform: Platform): Promise<void> {
  const { work } = await loadWork();
  const people = process.stdout;
  await work(command, {
    platform,
    people,
    identify: () => factsOf(platform, command.name),
    titleOf,
    readCredential: credentialReader(command),
    sequenceRunner: (machineName, screen) => sequenceRunner({ platform, machineName, people, screen }),
    selfCommand: selfCommand(),
    program: isSea() ? process.execPath : null,
    // systemd names each start of a service so (systemd.exec(5)).
    hasService: process.env["INVOCATION_ID"] !== undefined,
    redactor,
    signal: stop.signal,
  });
}

/** The environment's credential is taken out of it at once: no child process needs it. */
function credentialReader(command: SiteChoice): () => string | null {
  const fromEnvironment = process.env["VOLLEY_CREDENTIAL"];
  delete process.env["VOLLEY_CREDENTIAL"];
  const remember = (credential: string, redact: Redactor): string => {
    redact.add(credential);
    return credential;
  };
  return () => {
    if (command.credentialFile !== null) {
      return remember(readNamedFile("--credential-file", command.credentialFile).trim(), redactor);
    }
    return fromEnvironment === undefined || fromEnvironment === ""
      ? null
      : remember(fromEnvironment, redactor);
  };
}

/** Every error ends here, as three lines and an exit code. */
function end(error: unknown): never {
  const failure = toVolleyError(error);
  process.stderr.write(`${redactor.clean(failure.toString())}\n`);
  process.exit(failure.entry.exitCode);
}

function onSignal(): void {
  // Who asks twice does not want to wait for anything.
  if (stop.signal.aborted) process.exit(130);
  stop.abort();
}

// A terminal or pipe that goes away is no reason to leave a disk half written.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
process.on("SIGINT", onSignal);
process.on("SIGTERM", onSignal);
process.on("uncaughtException", end);
process.on("unhandledRejection", end);
async function main(): Promise<void> {
  try {
    await run(parseCommandLine(wordsFor(process.execPath, process.argv.slice(2))));
    // A tool that cannot be killed must not keep the agent here.
    process.exit(0);
  } catch (error) {
    end(error);
  }
}
// Not awaited here: packaged, this file is no module, where only functions may wait.
void main();
