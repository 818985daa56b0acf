/** `volley-agent doctor …`: what may be typed, and what is done for it. */
import { realpathSync } from "node:fs";
import { VolleyError } from "../../contract/errors.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import { type Check, checkLines, reportJson, warning, worst } from "../doctor/check.ts";
import { examine } from "../doctor/examine.ts";
import type { Examiner } from "../doctor/probe.ts";
import { defaultWatchSeconds, watchSecondsMost } from "../doctor/watch.ts";
import { parseOptions, usage } from "./options.ts";
import type { Platform } from "../platform/platform.ts";
import { cancelled } from "../back-off.ts";
import { SiteClient } from "../site/site-client.ts";
import { openTransport } from "../site/transport.ts";
import { chooseSite, type SiteChoice, siteOptions } from "./site-options.ts";
import { openStateFolder, type StateFolder } from "../state-folder.ts";

export interface DoctorCommand extends SiteChoice {
  /** Null: only what takes seconds. */
  watchSeconds: number | null;
  json: boolean;
}

export const doctorHelpText = `  volley-agent doctor --site URL [OPTION...]     what stands between this machine and a session, and what to do:
                                                 takes less than 30 seconds
      --fingerprint, --authority, --credential-file, --state, --name, --interface: as for deploy
      --watch                  then listen until a switch would have forgotten the group (${defaultWatchSeconds} seconds)
      --seconds N              how long to listen instead
      --json                   { "verdict", "checks": [{ "name", "verdict", "detail", "remedy" }] }
`;

const flag = { type: "boolean" } as const;

/** `words` are what follows "doctor"; null when it is help that is asked for. Throws E_USAGE. */
export function parseDoctorCommand(words: readonly string[]): DoctorCommand | null {
  const values = parseOptions(words, {
    ...siteOptions,
    watch: flag,
    seconds: { type: "string" },
    json: flag,
    help: { ...flag, short: "h" },
  });
  if (values.help === true) return null;
  if (values.seconds !== undefined && values.watch !== true) throw usage("--seconds is for --watch");
  return {
    ...chooseSite(values),
    watchSeconds: values.watch === true ? parseSeconds(values.seconds) : null,
    json: values.json ?? false,
  };
}

function parseSeconds(text: string | undefined): number {
  if (text === undefined) return defaultWatchSeconds;
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > watchSecondsMost) {
    throw usage(`--seconds is to be 1 to ${watchSecondsMost}, not ${text}`);
  }
  return seconds;
}

export interface Surroundings {
  platform: Platform;
  identify(): Promise<MachineFacts>;
  readCredential(): string | null;
  /** PEM of the authority to trust. Throws E_SITE_UNREACHABLE, E_SITE_UNTRUSTED, E_USAGE. */
  trust(state: StateFolder): Promise<string>;
  onSecret(secret: string): void;
  write(text: string): Promise<void>;
  signal: AbortSignal;
}

/** Without --watch it takes no longer, whatever the network does. */
const examinationMs = 28_000;
/** One request, on a way that has just answered. */
const requestMs = 6000;

/** Throws E_DOCTOR_FAULT when a check found one, E_CANCELLED. */
export async function runDoctor(command: DoctorCommand, around: Surroundings): Promise<void> {
  const checks: Check[] = [];
  let written = Promise.resolve();
  const tell = (check: Check): void => {
    checks.push(check);
    if (!command.json) written = written.then(() => around.write(checkLines(check)));
  };
  const late = command.watchSeconds === null ? AbortSignal.timeout(examinationMs) : around.signal;
  const signal = AbortSignal.any([late, around.signal]);
  const introduction = new Introduction(command, around);
  try {
    await before(
      signal,
      examine({
        ...command,
        network: around.platform.network,
        interfaceAddressTo: (address) => around.platform.interfaceAddressTo(address),
        enrol: () => introduction.enrol(),
        tell,
        signal,
      }),
    );
  } catch (error) {
    if (around.signal.aborted) throw cancelled();
    if (!late.aborted) throw error;
    const remedy = "The network or the site answers slowly: run the doctor again when less is going on.";
    tell(warning("examination", `Not every check was done in ${examinationMs / 1000} s`, remedy));
  } finally {
    await introduction.end();
  }
  await written;
  if (command.json) await around.write(reportJson(checks));
  if (worst(checks) !== "fault") return;
  const faulty = checks.filter(({ verdict }) => verdict === "fault").map(({ name }) => name);
  throw new VolleyError("E_DOCTOR_FAULT", `The doctor found a fault: ${faulty.join(", ")}`);
}

/** Makes this machine known to the site as a deployment does, but waits for nothing. */
class Introduction {
  readonly #command: DoctorCommand;
  readonly #around: Surroundings;
  /** Begun at once: it may take some seconds, and the first checks do not need it. */
  readonly #machine: Promise<MachineFacts>;
  readonly #endings: (() => void | Promise<void>)[] = [];

  constructor(command: DoctorCommand, around: Surroundings) {
    this.#command = command;
    this.#around = around;
    this.#machine = around.identify();
  }

  async enrol(): Promise<Examiner> {
    const { platform, readCredential, trust } = this.#around;
    const flushFolder = (folder: string): void => platform.flushFolder(folder);
    const state = openStateFolder(this.#command.stateFolder ?? platform.defaultStateFolder(), flushFolder);
    const hold = await platform.hold(`state ${realpathSync(state.path)}`);
    this.#endings.push(() => hold?.release());
    // Where another agent is at work, the firewall is as its session needs it.
    if (hold !== null) await this.#openFirewall();
    const authority = await inTime(trust(state));
    const transport = openTransport(this.#command.site, authority);
    this.#endings.push(() => transport.close());
    const site = new SiteClient({
      transport,
      site: `${this.#command.site.host}:${this.#command.site.port}`,
      authority,
      state,
      machine: await this.#machine,
      // Where another agent is at work, the folder is only read: its key does.
      readCredential: hold === null ? () => null : readCredential,
      onSecret: (secret) => this.#around.onSecret(secret),
    });
    await inTime(site.enrol());
    return {
      open: () => inTime(site.openExamination()),
      burst: (id, request) => inTime(site.burst(id, request)),
      counts: (id) => inTime(site.echoCounts(id)),
      close: (id) => inTime(site.closeExamination(id)),
    };
  }

  /** As a session has it, so that what is measured is what a session would get. */
  async #openFirewall(): Promise<void> {
    const { firewall } = this.#around.platform;
    const opening = firewall.open();
    this.#endings.push(async () => {
      await opening;
      await firewall.close();
    });
    await opening;
  }

  async end(): Promise<void> {
    for (const end of this.#endings.toReversed()) await end();
  }
}

function inTime<Result>(request: Promise<Result>): Promise<Result> {
  const detail = `The site has not answered in ${requestMs / 1000} s`;
  const signal = AbortSignal.timeout(requestMs);
  return before(signal, request, () => new VolleyError("E_SITE_UNREACHABLE", detail));
}

/** What comes of `work`, unless `signal` fires first. */
function before<Result>(
  signal: AbortSignal,
  work: Promise<Result>,
  error: () => VolleyError = cancelled,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const give = (): void => reject(error());
    signal.addEventListener("abort", give, { once: true });
    if (signal.aborted) give();
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", give));
  });
}
