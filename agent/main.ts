#!/usr/bin/env node
/** The only reader of the command line and the environment, and the place where the agent's parts are put together. */
import { realpathSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
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
import { bringLog } from "./deploying/bring-log.ts";
import { dropHandOver, readHandOver } from "./deploying/hand-over.ts";
import { openSeenDisks } from "./deploying/seen-disks.ts";
import type * as Performing from "./deploying/perform.ts";
import { type ReceiveCommand, runReceive } from "./commands/receive-command.ts";
import { openPlatform } from "./platform/index.ts";
import { takeInventory } from "./platform/inventory.ts";
import type { Platform } from "./platform/platform.ts";
import { startDelivery } from "./report/delivery.ts";
import { openLogs } from "./report/logs.ts";
import { openOutbox } from "./report/outbox.ts";
import { createRedactor, type Redactor } from "./report/redactor.ts";
import { openScreen, type Screen } from "./report/screen.ts";
import type { SequenceStep } from "./sequence/tree.ts";
import { failureOf, summaryOf } from "./running/sequence-end.ts";
import type { SequenceCommand } from "./commands/sequence-command.ts";
import type { SequenceRunCommand } from "./running/run-sequence.ts";
import type { SequenceRunner } from "./running/sequence-runner.ts";
import { leavesUnfinished } from "./deploying/unfinished.ts";
import { serve, tellWaiting } from "./deploying/service.ts";
import { pause, untilItWorks } from "./back-off.ts";
import { fetchAuthority } from "./site/authority.ts";
import { SiteClient } from "./site/site-client.ts";
import { readNamedFile, trust } from "./site/trust.ts";
import { openTransport } from "./site/transport.ts";
import type { SiteChoice } from "./commands/site-options.ts";
import { openStaging, policyOf } from "./staging/open-staging.ts";
import { adoptState } from "./staging/windows-place.ts";
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
async function loadPerformer(): Promise<typeof Performing> {
  try {
    return await import("./deploying/perform.ts");
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
  const { perform } = await loadPerformer();
  const readCredential = credentialReader(command);
  const flushFolder = (folder: string): void => platform.flushFolder(folder);
  const state = openStateFolder(command.stateFolder ?? platform.defaultStateFolder(), flushFolder);
  const hold = await platform.hold(`state ${realpathSync(state.path)}`);
  if (hold === null) {
    throw new VolleyError("E_OUTBOX", `Another agent is at work with the state folder ${state.path}`);
  }
  await platform.protectStateFolder(state.path);
  const screen = openScreen(process.stdout, { fullWith: command.fullScreen });
  const logFolder = join(state.path, "logs");
  const logs = openLogs({ folder: logFolder, redactor, screen });
  const log = logs.of("Agent", "main.ts");
  try {
    log.detail(`volley-agent ${agentVersion} starts as process ${process.pid}`);
    const machine = await factsOf(platform, command.name);
    screen.machine(titleOf(machine, command.site));
    // An agent that was killed in a session may have left it open.
    await platform.firewall.close();
    await adoptState(state, { ground: platform.windows, machine, log });
    const authority = await trust(command, state, (fingerprint) =>
      untilItWorks(() => fetchAuthority(command.site, fingerprint), {
        signal: stop.signal,
        patienceMs: command.once ? limits.firstContactMs : Number.POSITIVE_INFINITY,
        onWait: tellWaiting(log),
      }),
    );
    const site: SiteClient = new SiteClient({
      transport: openTransport(command.site, authority),
      site: `${command.site.host}:${command.site.port}`,
      authority,
      state,
      machine,
      readCredential,
      onSecret: (secret) => redactor.add(secret),
      onLogWanted: (id) => void bringLog(id, { site, log, logFolder, redactor, signal: stop.signal }),
    });
    const outbox = openOutbox(state.path, flushFolder);
    if (outbox.damagedLines > 0) {
      log.warning(`${outbox.damagedLines} damaged lines of the outbox were left out`);
    }
    const send = site.report.bind(site);
    const delivery = startDelivery({ outbox, send, redactor, log: logs.of("Report", "delivery.ts") });
    const people = process.stdout;
    const sequences = sequenceRunner({ platform, machineName: machine.name, people, screen });
    const performer = {
      platform,
      state,
      site,
      siteAddress: command.site,
      delivery,
      screen,
      asker: sequences.asker,
      log: logs.of("Imaging", "deploy.ts"),
      machine,
      disk: command.disk,
      yes: command.yes,
      interfaceAddress: command.interfaceAddress,
      sequences,
      logs,
      logFolder,
      program: isSea() ? process.execPath : null,
      allowRestart: command.allowRestart,
      staging: await openStaging({
        machine,
        windows: platform.windows,
        command,
        selfCommand: selfCommand(),
        program: isSea() ? process.execPath : null,
        // systemd names each start of a service so (systemd.exec(5)).
        hasService: process.env["INVOCATION_ID"] !== undefined,
        state,
        log,
      }),
      signal: stop.signal,
    };
    try {
      await serve({
        once: command.once,
        // Who starts the agent for one deployment asks for it; what runs all day does not try again what has failed.
        leaveFailed: command.leaveFailed || !command.once,
        resumes: command.resumes,
        onGone: () => dropHandOver(state),
        enrol: () => site.enrol(),
        policy: () =>
          policyOf({
            site,
            staging: performer.staging,
            operatingSystem: machine.operatingSystem,
            once: command.once,
            state,
          }),
        perform: (deployment) => perform(deployment, performer),
        seenDisks: openSeenDisks(state, () => platform.listDisks()),
        pause: () => pause(limits.policyIntervalMs * (0.5 + Math.random()), stop.signal),
        log,
        signal: stop.signal,
      });
    } finally {
      const left = await delivery.settle(stop.signal.aborted ? 0 : limits.outboxFarewellMs);
      if (left > 0) log.warning(`${left} reports have not reached the site; they are sent at the next start`);
      delivery.close();
    }
  } catch (error) {
    const failure = toVolleyError(error);
    log.detail(`Ends with ${failure.toString()}\n${failure.stack ?? ""}`);
    if (!leavesUnfinished(failure)) screen.failed(redactor.clean(failure.toString()).split("\n"));
    throw failure;
  } finally {
    logs.close();
  }
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
