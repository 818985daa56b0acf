/** The agent at its work, from taking hold of the state folder to the last report that the site is to get. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { toVolleyError, VolleyError } from "../../contract/errors.ts";
import { limits } from "../../contract/limits.ts";
import type { MachineFacts } from "../../contract/machine.ts";
import { pause, untilItWorks } from "../back-off.ts";
import type { Platform } from "../platform/platform.ts";
import { type Delivery, startDelivery } from "../report/delivery.ts";
import { type Log, type Logs, openLogs } from "../report/logs.ts";
import { openOutbox } from "../report/outbox.ts";
import type { Redactor } from "../report/redactor.ts";
import { openScreen } from "../report/open-screen.ts";
import type { MachineTitle, Screen } from "../report/screen.ts";
import type { SequenceRunner } from "../running/sequence-runner.ts";
import { fetchAuthority } from "../site/authority.ts";
import { SiteClient } from "../site/site-client.ts";
import { openTransport, type SiteAddress } from "../site/transport.ts";
import { trust, type TrustChoice } from "../site/trust.ts";
import { openStaging, policyOf } from "../staging/open-staging.ts";
import { adoptState } from "../staging/windows-place.ts";
import { openStateFolder, type StateFolder } from "../state-folder.ts";
import { agentVersion } from "../version.ts";
import { bringLog } from "./bring-log.ts";
import { dropHandOver } from "./hand-over.ts";
import { perform } from "./perform.ts";
import type { Performer } from "./performer.ts";
import { openSeenDisks } from "./seen-disks.ts";
import { serve, tellWaiting } from "./service.ts";
import { leavesUnfinished } from "./unfinished.ts";

/** What a person, a service or an earlier start of the agent has asked for. */
export interface WorkOrder extends TrustChoice {
  /** Null where the system's own place for it is meant. */
  stateFolder: string | null;
  /** What the machine is to be called; null for its host name. */
  name: string | null;
  interfaceAddress: string | null;
  disk: string | null;
  /** Overwrite without asking. */
  yes: boolean;
  /** End after one deployment. */
  once: boolean;
  /** With `once`, too: what failed here waits until it is cleared at the site. */
  leaveFailed: boolean;
  /** Restart the machine when a task sequence asks for it. */
  allowRestart: boolean;
  /** The terminal is the agent's alone, and this is its last row; null where it is others', too. */
  fullScreen: string | null;
  /** Identifier of the only deployment that is gone on with; null for whatever is due. */
  resumes: string | null;
}

/** The process that works: its machine, its terminal, its environment. */
export interface Workplace {
  platform: Platform;
  people: NodeJS.WriteStream;
  identify(): Promise<MachineFacts>;
  titleOf(machine: MachineFacts, site: SiteAddress): MachineTitle;
  readCredential(): string | null;
  sequenceRunner(machineName: string, screen: Screen): SequenceRunner;
  /** Starts this program again. */
  selfCommand: readonly string[];
  /** Path of this agent's executable; null when it runs from its sources. */
  program: string | null;
  /** A service manager has started it. */
  hasService: boolean;
  redactor: Redactor;
  signal: AbortSignal;
}

/** What is there from the first line of the log on. */
interface Opened {
  state: StateFolder;
  screen: Screen;
  logs: Logs;
  logFolder: string;
  log: Log;
}

/**
 * Does what the site wants of this machine, once or for ever. Throws E_OUTBOX when another agent has the state folder,
 * and what `serve` throws.
 */
export async function work(order: WorkOrder, here: Workplace): Promise<void> {
  const { platform, redactor } = here;
  const state = openStateFolder(order.stateFolder ?? platform.defaultStateFolder(), (folder) =>
    platform.flushFolder(folder),
  );
  const hold = await platform.hold(`state ${realpathSync(state.path)}`);
  if (hold === null) {
    throw new VolleyError("E_OUTBOX", `Another agent is at work with the state folder ${state.path}`);
  }
  await platform.protectStateFolder(state.path);
  const screen = openScreen(here.people, { fullWith: order.fullScreen });
  const logFolder = join(state.path, "logs");
  const logs = openLogs({ folder: logFolder, redactor, screen });
  const log = logs.of("Agent", "work.ts");
  try {
    log.detail(`volley-agent ${agentVersion} starts as process ${process.pid}`);
    await workFor(order, here, { state, screen, logs, logFolder, log });
  } catch (error) {
    const failure = toVolleyError(error);
    log.detail(`Ends with ${failure.toString()}\n${failure.stack ?? ""}`);
    if (!leavesUnfinished(failure)) screen.failed(redactor.clean(failure.toString()).split("\n"));
    throw failure;
  } finally {
    logs.close();
  }
}

async function workFor(order: WorkOrder, here: Workplace, opened: Opened): Promise<void> {
  const { platform, signal } = here;
  const { log, screen, state } = opened;
  const machine = await here.identify();
  screen.machine(here.titleOf(machine, order.site));
  // An agent that was killed in a session may have left it open.
  await platform.firewall.close();
  await adoptState(state, { ground: platform.windows, machine, log });
  const site = await openSite(order, here, { ...opened, machine });
  const delivery = openDelivery(site, here, opened);
  try {
    const performer = await openPerformer(order, here, { ...opened, machine, site, delivery });
    await serveWith(performer, order);
  } finally {
    const left = await delivery.settle(signal.aborted ? 0 : limits.outboxFarewellMs);
    if (left > 0) log.warning(`${left} reports have not reached the site; they are sent at the next start`);
    delivery.close();
  }
}

async function openSite(
  order: WorkOrder,
  { readCredential, redactor, signal }: Workplace,
  { log, logFolder, machine, state }: Opened & { machine: MachineFacts },
): Promise<SiteClient> {
  const authority = await trust(order, state, (fingerprint) =>
    untilItWorks(() => fetchAuthority(order.site, fingerprint), {
      signal,
      patienceMs: order.once ? limits.firstContactMs : Number.POSITIVE_INFINITY,
      onWait: tellWaiting(log),
    }),
  );
  const site: SiteClient = new SiteClient({
    transport: openTransport(order.site, authority),
    site: `${order.site.host}:${order.site.port}`,
    authority,
    state,
    machine,
    readCredential,
    onSecret: (secret) => redactor.add(secret),
    onLogWanted: (id) => void bringLog(id, { site, log, logFolder, redactor, signal }),
  });
  return site;
}

function openDelivery(site: SiteClient, { platform, redactor }: Workplace, opened: Opened): Delivery {
  const { log, logs, state } = opened;
  const outbox = openOutbox(state.path, (folder) => platform.flushFolder(folder));
  const { damagedLines } = outbox;
  if (damagedLines > 0) log.warning(`${damagedLines} damaged lines of the outbox were left out`);
  const send = site.report.bind(site);
  return startDelivery({ outbox, send, redactor, log: logs.of("Report", "delivery.ts") });
}

async function openPerformer(
  order: WorkOrder,
  here: Workplace,
  known: Opened & Pick<Performer, "machine" | "site" | "delivery">,
): Promise<Performer> {
  const { hasService, platform, program, selfCommand, signal } = here;
  const { log, logs, machine, screen, state } = known;
  const sequences = here.sequenceRunner(machine.name, screen);
  return {
    ...known,
    platform,
    siteAddress: order.site,
    asker: sequences.asker,
    log: logs.of("Imaging", "deploy.ts"),
    disk: order.disk,
    yes: order.yes,
    interfaceAddress: order.interfaceAddress,
    sequences,
    program,
    allowRestart: order.allowRestart,
    staging: await openStaging({
      machine,
      windows: platform.windows,
      order,
      selfCommand,
      program,
      hasService,
      state,
      log,
    }),
    signal,
  };
}

function serveWith(performer: Performer, order: WorkOrder): Promise<void> {
  const { logs, machine, platform, signal, site, staging, state } = performer;
  const { once } = order;
  return serve({
    once,
    // Who starts the agent for one deployment asks for it; what runs all day does not try again what has failed.
    leaveFailed: order.leaveFailed || !once,
    resumes: order.resumes,
    onGone: () => dropHandOver(state),
    enrol: () => site.enrol(),
    policy: () => policyOf({ site, staging, operatingSystem: machine.operatingSystem, once, state }),
    perform: (deployment) => perform(deployment, performer),
    seenDisks: openSeenDisks(state, () => platform.listDisks()),
    pause: () => pause(limits.policyIntervalMs * (0.5 + Math.random()), signal),
    log: logs.of("Agent", "service.ts"),
    signal,
  });
}
